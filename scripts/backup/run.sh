# The last line of the backup program.
backup_main "$@"
