# stage: installs everything beside what is in use. It never touches a running etcd; an etcd that supervisor starts
# again and again in vain does not count as running.

phase_stage() {
  take_lock
  repeat_checks
  refuse_without_cluster
  ensure_user
  ensure_supervisor
  has_binaries || [ -n "$ARCHIVE_URL" ] ||
    fail "etcd $VERSION is not on this host, although its archive was pushed before" "$(replacing "$ARCHIVE_RESOURCE")"
  claim_host
  take_over
  refuse_any check_places
  refuse_any check_contents
  # The owner of the directory itself changes last: if a stage is interrupted, the next one knows from that owner what
  # it still has to give to etcd's user.
  give_data_to_user
  put_directory "$DATA_DIR" 700
  adopt_data
  # supervisord writes the log as root. A directory that already exists stays as it is.
  make_directory "$LOG_DIR"
  # install_binaries replaces the tools if they do not belong to root, so they are looked up again.
  trusted_tools=
  install_binaries
  refuse_wrong_flags
  install_certificates
  put_decoded "$VERSIONED/etcdctl.env" 644 root:root "$ETCDCTL_ENV_BASE64"
  stage_startup_script
  stage_program
  take_back_edits
  drop_other_stages
  [ -L "$CURRENT" ] || put_link "${VERSIONED##*/}" "$CURRENT"
  look_for_tools
  forget_abandoned_restore
  stage_side_programs
  note_what_is_due
  say "staged"
  if are_data_unseen; then
    start_with_data
  else
    revive
    start_without_quorum
  fi
}

# Records in the cluster whether a rollout of this running member is due (members.sh).
note_what_is_due() {
  is_running || return 0
  if is_staged || [ -e "$RESTART_PENDING" ]; then note_due; else forget_due; fi || true
}

# In a deploy that may found a cluster, starts a member that has data before any bootstrap runs: founders take a host on
# which nothing listens for one without data.
start_with_data() {
  # Data that a restore replaces are not started.
  ! is_to_be_restored || return 0
  if was_removed_from_cluster; then
    forget_unseen_data
    return
  fi
  refuse_any check_former_cluster
  if ! is_running; then
    start_etcd
    say "started with its data, so that founders see them"
  fi
  { wait_until 10 accepts_connections "$PEER_URL" && stays_up; } ||
    fail "its etcd, which has data, does not stay up, and no cluster may be founded until it does: $(last_words)" \
      "correct that, and apply again"
  forget_unseen_data
}

# An etcd that ends and is started again accepts connections in between.
stays_up() {
  know_etcd
  ! wait_until 3 has_ended
}
has_ended() { ! lives_on "$known_etcd" "$known_start"; }

# A member that is not a founder joins a living cluster. If none of the program's other members is alive, they were all
# moved at once, and nobody could let this one in.
refuse_without_cluster() {
  local endpoint
  [ -n "${FOUNDERS:-}" ] && ! has_wal && ! is_founder || return 0
  for endpoint in $(other_endpoints); do
    ! accepts_connections "$endpoint" || return 0
  done
  refuse_other_client_port membership
  refuse "membership" \
    "this member is new, and none of the program's other members accepts a connection: $(other_endpoints | on_one_line), so there is no cluster that it could join" \
    "keep at least one of the cluster's members in the program, and move the others one after the other (docs/replace-member.md#move-a-member-to-another-host); if their etcd is down, bring it back first"
}

# The way back from a change that failed on this member. No other member restarts while this one is down, so this cannot
# wait for the member's rollout. A newer version does wait, because a snapshot comes before it.
revive() {
  ! is_to_be_restored || return 0
  has_wal && is_own_program && ! older "$(installed_version)" "$VERSION" && ! answers_healthy || return 0
  supervisor status "$MEMBER:$MEMBER" || true
  case $supervisor_answer in *" STOP"*) return 0 ;; esac # somebody has stopped it by hand
  pid_before=$(etcd_pid)
  ! wait_until 10 answers_healthy || return 0
  # If the process is the same all the time, it does not crash, but waits for the other members.
  [ -z "$pid_before" ] || [ "$(etcd_pid)" != "$pid_before" ] || return 0
  ! was_removed_from_cluster || return 0
  activate
  update_program
  restart_program || true
  if wait_until 20 is_running && ! wait_until 3 is_stopped; then
    rm -f "$RESTART_PENDING"
    say "etcd kept crashing: started it with the staged configuration"
  else
    say "warning: etcd keeps crashing, even with the staged configuration: $(last_words)"
  fi
}

# A member that was stopped is started by its rollout. If so many were stopped that there is no quorum, the first
# rollout would wait in vain for the others, whose turn comes later. So they start here, where all hosts are at the same
# time, with what they ran before, and what is staged waits for the rollouts, unless etcd has another user.
start_without_quorum() {
  ! is_to_be_restored && is_stopped_with_data || return 0
  had_no_quorum || ! live_endpoint >/dev/null || return 0
  # As the user that it had before, it could not read its data any more.
  if grep -qxF "user=$ETCD_USER" "$(program_ini)"; then restart_program || true; else start_etcd; fi
  wait_until 20 is_running || {
    say "warning: etcd was stopped and does not start: $(last_words)"
    return
  }
  know_etcd
  say "etcd was stopped, and the other members had no quorum: started it"
  wait_until 30 answers_healthy || true
}

# Deletes what was staged for other versions and never came to run, and the keys of versions that no longer run.
drop_other_stages() {
  local other
  for other in "$INSTALL_ROOT"/etcd-v*; do
    if [ "$other" = "$VERSIONED" ] || ! is_our_version "$other"; then continue; fi
    rm -f "$other"/*.next
    [ "$other" = "$(readlink -f "$CURRENT")" ] || rm -rf "$other"/certs "$other"/certs.*
  done
}

# The staged binary checks the flags before any of them takes effect: with --version, etcd parses all flags and starts
# nothing.
refuse_wrong_flags() {
  local flag answer
  set --
  while IFS= read -r flag; do set -- "$@" "$flag"; done <<FLAGS
$(decode "$STARTUP_BASE64" | flags_of_script)
FLAGS
  know_architecture
  answer=$(ETCD_UNSUPPORTED_ARCH=$known_architecture "$VERSIONED/etcd" --version "$@" 2>&1) && return
  answer=$(printf '%s\n' "$answer" | grep . | head -n 1)
  ETCD_UNSUPPORTED_ARCH=$known_architecture "$VERSIONED/etcd" --version >/dev/null 2>&1 ||
    refuse "binaries" "$VERSIONED/etcd does not run: $answer" "$(way_to_run)"
  refuse "flags" "etcd $VERSION does not accept them: $answer" "correct that flag in the program, and apply again"
}

way_to_run() {
  if [ "/proc/$(etcd_pid)/exe" -ef "$VERSIONED/etcd" ]; then
    echo "etcd is running from this binary, so the binary is intact: check the limits of root's login (ulimit -a), and apply again"
  else
    echo "rm $VERSIONED/etcd, and apply again, which unpacks it again; if that does not help, check the limits of root's login (ulimit -a)"
  fi
}

# A script that differs only in parts that need no restart replaces the one in use at once.
stage_startup_script() {
  put_decoded "$STARTUP.next" 755 root:root "$STARTUP_BASE64"
  if [ "$(restart_relevant "$STARTUP.next")" = "$(restart_relevant "$STARTUP")" ]; then
    mv -f "$STARTUP.next" "$STARTUP"
  fi
}

stage_program() {
  put_decoded "$INI_NEXT" 644 root:root "$PROGRAM_INI_BASE64"
  if cmp -s "$INI_NEXT" "$(program_ini)"; then rm -f "$INI_NEXT"; fi
  include_program
}

# If what is staged is the same as what was last rolled out, no rollout follows. If the files in effect differ from it,
# somebody has changed them by hand, and this puts them back.
take_back_edits() {
  local was_pending=
  [ "$(staged_digest)" = "$(cat "$ROLLED_OUT" 2>/dev/null)" ] || return 0
  if [ -e "$STARTUP.next" ] || [ -e "$INI_NEXT" ]; then
    # Before the files are back, because a stage that is killed after that leaves nothing else to tell by.
    [ ! -e "$RESTART_PENDING" ] || was_pending=yes
    : >"$RESTART_PENDING"
    [ ! -e "$STARTUP.next" ] || mv -f "$STARTUP.next" "$STARTUP"
    register_staged_program
    say "restored the startup script and the supervisor program, which somebody had changed on this host"
    if [ -z "$was_pending" ] && { is_stopped || runs_as_meant; }; then rm -f "$RESTART_PENDING"; fi
  fi
  # A restart may also be pending for a new leaf, if this version reads the leaf at start only. Then what runs is as
  # meant.
  [ ! -e "$RESTART_PENDING" ] || ! is_running || runs_as_meant ||
    fail "somebody had changed the startup script or the supervisor program, and etcd still runs with those changes" \
      "to restart this member, run $(replacing "$ROLLOUT_RESOURCE")"
}
