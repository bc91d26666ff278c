# The last line of the defragmentation program.
defragmentation_main "$@"
