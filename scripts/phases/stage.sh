# stage: puts everything in place beside what runs. It never touches the running service; one that supervisor starts in vain does not run.

phase_stage() {
  take_lock
  refuse_changed_place
  refuse_without_cluster
  ensure_user
  ensure_supervisor
  has_binaries || [ -n "$ARCHIVE_URL" ] ||
    fail "etcd $VERSION is not on this host, though its archive was pushed once" "$(replacing "$ARCHIVE_RESOURCE")"
  founding=
  if is_other_genesis; then founding=yes; fi
  claim_host
  take_over
  refuse_any check_places
  refuse_any check_contents
  # The directory itself last: by its owner a stage that was cut short knows what is still to be given.
  give_data_to_user
  put_directory "$DATA_DIR" 700
  adopt_data
  # supervisord writes the log as root. A directory that was there stays as it is.
  make_directory "$LOG_DIR"
  # It replaces them where they are not root's.
  trusted_tools=
  install_binaries
  refuse_wrong_flags
  install_certificates
  decode "$ETCDCTL_ENV_BASE64" | put_file "$VERSIONED/etcdctl.env" 644 root:root
  stage_startup_script
  stage_program
  take_back_edits
  drop_other_stages
  [ -L "$CURRENT" ] || put_link "$(basename "$VERSIONED")" "$CURRENT"
  look_for_tools
  if ! is_running; then :; elif is_staged || [ -e "$RESTART_PENDING" ]; then note_due; else forget_due; fi
  say "staged"
  if [ -n "$founding" ]; then start_with_data; else revive; fi
}

# The first deploy of a state, or one that founds anew.
is_other_genesis() { [ -n "${GENESIS:-}" ] && [ "$(entry_of "$CLAIM" genesis)" != "$GENESIS" ]; }

# In a deploy that may found a cluster, before any bootstrap: to a founder a host on which nothing listens is one without data.
start_with_data() {
  has_wal && ! was_taken_out || return 0
  if ! is_running; then
    start_etcd
    say "started with its data, which a founder must see"
  fi
  { wait_until 10 accepts_connections "$PEER_URL" && stays_up; } ||
    fail "its etcd, which has data, does not stay up, and beside it no cluster may be founded: $(last_words)" "correct that, and apply again"
}

# One that ends and is started again accepts connections in between.
stays_up() {
  know_etcd
  ! wait_until 3 has_ended
}
has_ended() { ! lives_on "$known_etcd" "$known_start"; }

# A member that is no founder joins a living cluster. Where nobody else of the program lives, all its members were moved at once: nobody could let them in.
refuse_without_cluster() {
  local endpoint
  [ -n "${FOUNDERS:-}" ] && ! has_wal && ! is_founder || return 0
  for endpoint in $(other_endpoints); do
    ! accepts_connections "$endpoint" || return 0
  done
  refuse "membership" "this member is new, and none of the program's other members accepts a connection: $(other_endpoints | tr '\n' ' '), so there is no cluster that it could join" \
    "keep in the program at least one member that the cluster has, and move the others one after the other (docs/replace-member.md); if their etcd is down, bring it back first"
}

# The way back from a change that failed here: no other member restarts while this one is down, so it cannot wait for its rollout.
# A newer version does wait: before it comes a snapshot.
revive() {
  has_wal && is_own_program && ! older "$(installed_version)" "$VERSION" && ! answers_healthy || return 0
  supervisor status "$MEMBER:$MEMBER" || true
  case $supervisor_answer in *" STOP"*) return 0 ;; esac # by somebody's hand
  pid_before=$(etcd_pid)
  ! wait_until 10 answers_healthy || return 0
  # The same process all the time: it only waits for the others.
  [ -z "$pid_before" ] || [ "$(etcd_pid)" != "$pid_before" ] || return 0
  ! was_taken_out || return 0
  activate
  update_program
  restart_program || true
  if wait_until 20 is_running && ! wait_until 3 is_stopped; then
    rm -f "$RESTART_PENDING"
    say "etcd kept crashing: started it with what is staged"
  else
    say "warning: etcd keeps crashing, also with what is staged: $(last_words)"
  fi
}

# What was staged for a version that is no longer wanted and never came to run; and the keys beside a version that does not run any more.
drop_other_stages() {
  local other
  for other in "$INSTALL_ROOT"/etcd-v*; do
    if [ "$other" = "$VERSIONED" ] || ! is_our_version "$other"; then continue; fi
    rm -f "$other"/*.next
    [ "$other" = "$(readlink -f "$CURRENT")" ] || rm -rf "$other"/certs "$other"/certs.*
  done
}

# The binary that was staged judges the flags before anything of them is: asked for its version, etcd reads them all, and starts nothing.
refuse_wrong_flags() {
  local flag answer
  set --
  while IFS= read -r flag; do set -- "$@" "$flag"; done <<FLAGS
$(decode "$STARTUP_BASE64" | flags_of_script)
FLAGS
  answer=$(ETCD_UNSUPPORTED_ARCH=$(architecture) "$VERSIONED/etcd" --version "$@" 2>&1) && return
  answer=$(printf '%s\n' "$answer" | grep . | head -n 1)
  ETCD_UNSUPPORTED_ARCH=$(architecture) "$VERSIONED/etcd" --version >/dev/null 2>&1 ||
    refuse "binaries" "$VERSIONED/etcd does not run: $answer" "$(way_to_run)"
  refuse "flags" "etcd $VERSION does not take them: $answer" "correct that flag in the program, and apply again"
}

way_to_run() {
  if [ "/proc/$(etcd_pid)/exe" -ef "$VERSIONED/etcd" ]; then
    echo "an etcd runs by it, so it is whole: see what root's login may not (ulimit -a), and apply again"
  else
    echo "rm $VERSIONED/etcd, and apply again: it is then unpacked anew; if that does not help, see what root's login may not (ulimit -a)"
  fi
}

# A script that differs in nothing else needs no restart.
stage_startup_script() {
  decode "$STARTUP_BASE64" | put_file "$STARTUP.next" 755 root:root
  if [ "$(restart_relevant "$STARTUP.next")" = "$(restart_relevant "$STARTUP")" ]; then
    mv -f "$STARTUP.next" "$STARTUP"
  fi
}

stage_program() {
  decode "$PROGRAM_INI_BASE64" | put_file "$INI_NEXT" 644 root:root
  if cmp -s "$INI_NEXT" "$(program_ini)"; then rm -f "$INI_NEXT"; fi
  include_program
}

# What was rolled out is staged again, so no rollout follows for it: where other files are in force, somebody has changed them by hand.
take_back_edits() {
  [ "$(staged_digest)" = "$(cat "$ROLLED_OUT" 2>/dev/null)" ] || return 0
  if [ -e "$STARTUP.next" ] || [ -e "$INI_NEXT" ]; then
    [ ! -e "$STARTUP.next" ] || mv -f "$STARTUP.next" "$STARTUP"
    register_staged_program
    say "put the startup script and the supervisor program back, which somebody had changed here"
    if is_running && ! runs_as_meant; then : >"$RESTART_PENDING"; fi
  fi
  # A new leaf may be pending, too, where it is read at start only: what runs is as meant then.
  [ ! -e "$RESTART_PENDING" ] || ! is_running || runs_as_meant || fail "somebody had changed the startup script or the supervisor program, and etcd still goes by that" \
    "to restart this member: $(replacing "$ROLLOUT_RESOURCE")"
}
