# When etcd starts, it replays the write-ahead log from the last raft snapshot on. etcd 3.7 panics at requests in the
# form of the v2 API (etcd pull request 21263), with which members up to 3.5 announced themselves. Once there is a
# newer raft snapshot, the requests before it are no longer replayed.

needs_raft_snapshot() { older "$was" 3.7.0 && ! older "$VERSION" 3.7.0 && has_v2_requests; }

# Searches for the second field of such a request, its method, as protobuf encodes it, followed by the tag of the third
# field. If other data happen to contain these bytes, this costs one more restart.
has_v2_requests() {
  # grep fails with 1 if it has read the whole log, and there are none; with more if it could not read it.
  # shellcheck disable=SC2016 # the inner shell expands it
  ! as_etcd sh -c 'grep -qaF "$1" "$2"/member/wal/*.wal; [ $? -eq 1 ]' \
    sh "$(printf '\022\003PUT\032')" "$DATA_DIR" >/dev/null
}

# etcd takes a raft snapshot when more than --snapshot-count entries were applied since the last one, also when it
# starts. The version that runs is therefore started once with a count of 1. A larger count that the log just reaches is
# not reliable: 3.6 takes a snapshot of its own in the middle of the replay, where the cluster's version seems to go
# back, and counts from there. If the upgrade is reverted and needs this startup script again, `stage` rewrites it.
take_raft_snapshot() {
  local text
  look_for_status "$(own_url)" ||
    refuse "restart" \
      "this member does not answer, but it must take a raft snapshot before etcd $VERSION can read its write-ahead log" \
      "bring this member back, and apply again"
  applied=$(printf '%s\n' "$found_status" | awk '{ print $7 }')
  set_link_in_use
  script=$link_in_use/etcd-server-startup.sh
  # If a flag is given twice, etcd uses the last one. A flag that a killed phase has added is removed first.
  text=$(sed -e '$s/ --snapshot-count=[0-9]*$//' -e '$s/$/ --snapshot-count=1/' "$script")
  put_file "$script" 755 root:root "$text"
  restart_by ask_to_stop
  wait_while_moving 60 others_suffice has_raft_snapshot ||
    fail \
      "etcd $was has not taken a raft snapshot, without which etcd $VERSION cannot read its write-ahead log: $(last_words)" \
      "$(way_on)"
  say "restarted for a raft snapshot: etcd $VERSION cannot read the requests of etcd 3.5 and older in its write-ahead log"
}

has_raft_snapshot() { [ "$(raft_snapshot_index)" -ge "$applied" ] && answers_healthy; }

# The raft index of the newest snapshot file, which is named TERM-INDEX.snap in hexadecimal; 0 if there is none.
raft_snapshot_index() {
  newest=0
  for file in "$DATA_DIR"/member/snap/*-*.snap; do
    index=${file##*-}
    index=${index%.snap}
    case $index in '' | *[!0-9a-f]*) continue ;; esac
    [ "$((0x$index))" -le "$newest" ] || newest=$((0x$index))
  done
  echo "$newest"
}
