# At its start etcd replays the write-ahead log from the last raft snapshot on. etcd 3.7 panics at a request in the form of the v2 API
# (etcd pull request 21263), in which members up to 3.5 announced themselves. What a newer raft snapshot holds is not replayed any more.

needs_raft_snapshot() { older "$was" 3.7.0 && ! older "$VERSION" 3.7.0 && has_v2_requests; }

# Such a request's second field, its method, as protobuf writes it, and the tag of its third. By chance in other data it costs one restart.
# shellcheck disable=SC2016 # the inner shell expands it
has_v2_requests() { as_etcd sh -c 'grep -qaF "$1" "$2"/member/wal/*.wal' sh "$(printf '\022\003PUT\032')" "$DATA_DIR" >/dev/null; }

# etcd takes one when more than --snapshot-count entries were applied since the last, at a start too. So: one start, of the version that runs, with a
# count of 1. A larger one that the log has reached today may not be reached: 3.6 takes one in the middle of the replay, where the cluster's version
# seems to go back, and counts from there. If a way back needs this startup script again, `stage` writes it anew.
take_raft_snapshot() {
  applied=$(endpoint_status "$(own_url)" | awk '{ print $7 }')
  [ -n "$applied" ] || refuse "restart" "this member does not answer, and etcd $VERSION cannot read its write-ahead log before it has taken a raft snapshot" "bring it back, and apply again"
  script=$(client_directory)/etcd-server-startup.sh
  # Of two flags the last one holds; that of a phase that was killed goes.
  sed -e '$s/ --snapshot-count=[0-9]*$//' -e '$s/$/ --snapshot-count=1/' "$script" | put_file "$script" 755 root:root
  restart_by ask_to_stop
  wait_while_moving 60 others_suffice has_raft_snapshot || fail "etcd $was has not taken a raft snapshot, without which etcd $VERSION cannot read its write-ahead log: $(last_words)" "$(way_on)"
  say "restarted for a raft snapshot: etcd $VERSION cannot read the requests of etcd 3.5 and older in its write-ahead log"
}

has_raft_snapshot() { [ "$(raft_snapshot_index)" -ge "$applied" ] && answers_healthy; }

# The raft index of the newest snapshot file, TERM-INDEX.snap in hexadecimal; 0 when there is none.
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
