# Who the cluster's members are, and who they should be. Members are matched by their exact peer URL, which is what
# identifies a member in etcd.

# members_of ENDPOINT: prints one line per member: ID NAME PEER_URL CLIENT_URL ROLE
# NAME and CLIENT_URL are `-` while the cluster does not know them; a member without a client URL has never started.
# ROLE is `voter` or `learner`.
members_of() {
  etcdctl_at "$1" member list 2>/dev/null | awk -F', ' '
    function or_dash(text) { return text == "" ? "-" : text }
    # A member that was added by hand may have several client URLs. The first one that can be reached from another host
    # is used.
    function reachable(urls,   n, i, url) {
      n = split(urls, url, ",")
      for (i = 1; i <= n; i++) if (url[i] !~ /:\/\/(127\.|localhost|\[::1\])/) return url[i]
      return url[1]
    }
    # A member chooses its own name and URLs: characters that neither a name nor a URL can have are replaced.
    { for (i = 1; i <= NF; i++) gsub(/[^]A-Za-z0-9._:\/,[-]/, "?", $i); print $1, or_dash($3), $4, or_dash(reachable($5)), $6 == "true" ? "learner" : "voter" }'
}

# list_members ENDPOINT: sets `list` to the lines of members_of. etcd may lose a question if its leader ends at that
# moment, so it is asked again. Fails if it does not answer: every cluster has members, so a list without any must never
# be taken for an answer.
list_members() { wait_until 15 has_listed "$1"; }

has_listed() {
  list=$(members_of "$1")
  [ -n "$list" ]
}

# require_list ENDPOINT: the same, for a phase that cannot go on without the list.
require_list() {
  list_members "$1" ||
    fail "member list: no answer from $1: $(etcd_error "$1" member list)" \
      "bring a quorum of the members back, and apply again"
}

# Asks once what preflight needs to know about the cluster. The result is empty if no linearizable read succeeds through
# this member.
know_members() {
  known_members=
  if is_running && answers_healthy && list_members "$(own_url)"; then known_members=$list; fi
}
known_members=

# Filters for the lines of members_of: the members that the program names, and those that it does not name.
desired() { by_program 1; }
undesired() { by_program 0; }

by_program() {
  awk -v program="$INITIAL_CLUSTER" -v want="$1" '
    BEGIN { n = split(program, entries, ","); for (i = 1; i <= n; i++) { sub(/^[^=]*=/, "", entries[i]); named[entries[i]] } }
    ($3 in named) == want'
}

# All members except this one; this one only.
others() { awk -v own="$PEER_URL" '$3 != own'; }
own_entry() { awk -v own="$PEER_URL" '$3 == own'; }

# Members that have started: one that has never started has no client URL yet.
started() { awk '$4 != "-"'; }

voters() { awk '$5 == "voter"'; }
learners() { awk '$5 == "learner"'; }

# Members whose join has not finished: they have never started, or are still learners.
unfinished() { awk '$4 == "-" || $5 == "learner"'; }

# Each join that a deploy starts leaves the member's peer URL in the cluster. A member whose join was interrupted can
# thus be recognized even when the program no longer names it, and it can be told from a member that somebody else is
# adding.
JOINS=cdktf-etcd/joins

note_join() { wait_until 5 change_key "$live" put "$JOINS/$PEER_URL" "$MEMBER" || true; }

# forget_join ENDPOINT PEER_URL: to be called when the member has joined or was removed. If one with the same URL is
# added later without a deploy, it then counts as somebody else's.
forget_join() { wait_until 5 change_key "$1" del "$JOINS/$2" || true; }

# change_key ENDPOINT ARGUMENT…: etcd's answer is left in `key_answer`. etcd may lose a write if its leader ends at that
# moment, and etcdctl does not repeat it. What etcd refuses for good is not asked again: without permission there is no
# such key, and with a full quota there can be no new one.
change_key() {
  key_answer=$(etcdctl_at "$@" 2>&1) && return
  case $key_answer in *"space exceeded"*) return 0 ;; esac
  is_forbidden "$key_answer"
}

# forget_joins KEYS: forgets the joins among these keys whose member is a voter in `members` by now.
forget_joins() {
  case $1 in *"$JOINS/"*) ;; *) return 0 ;; esac
  printf '%s\n' "$1" | sed -n "s|^$JOINS/||p" | while read -r joined; do
    ! printf '%s\n' "$members" | started | voters | awk '{ print $3 }' | grep -qxF -e "$joined" ||
      forget_join "$(own_url)" "$joined"
  done
}

# While something is staged for a running member and not rolled out yet, the member's peer URL is kept in the cluster.
# If Terraform is killed during a rollout, it records that rollout as done as soon as another resource completes, and
# nothing else would tell that it is still due (ADR 8).
DUE=cdktf-etcd/due

# Without the key, a rollout that Terraform forgets would go unnoticed; with one too many, every deploy fails until
# somebody replaces that rollout.
note_due() { wait_until 5 change_due put "$DUE/$PEER_URL" "$MEMBER"; }
forget_due() { wait_until 30 change_due del "$DUE/$PEER_URL"; }

change_due() {
  set_own_url
  key_answer="$own_url accepts no connections"
  accepts_connections "$own_url" && change_key "$own_url" "$@"
}

# Filters keys: prints the peer URLs of the program's members for which a rollout is due.
all_due() { sed -n "s|^$DUE/||p" | grep -xF -e "$(desired_peer_urls)" || true; }

# joined_by_others ENDPOINT: filters members; keeps those whose join has not finished and was not started by a deploy.
joined_by_others() {
  while read -r entry_line; do
    peer_url=$(printf '%s\n' "$entry_line" | unfinished | awk '{ print $3 }')
    [ -n "$peer_url" ] || continue
    wait_until 15 knows_join "$1" "$peer_url" || true
    [ -n "$known_join" ] || printf '%s\n' "$entry_line"
  done
}

knows_join() { known_join=$(etcdctl_at "$1" get "$JOINS/$2" 2>/dev/null); }

# Filters members; keeps those through which no linearizable read succeeds. All are asked at the same time.
unhealthy() {
  local listed lines line client_url client_urls down
  listed=$(cat)
  set_client_urls "$listed"
  [ -z "$client_urls" ] || down=$LINE_END$(unhealthy_of "$client_urls")$LINE_END
  lines=$listed
  while next_line; do
    set_client_url "$line"
    case $client_url${down:-} in -* | *"$LINE_END$client_url$LINE_END"*) printf '%s\n' "$line" ;; esac
  done
}

# set_client_urls MEMBERS: sets `client_urls` to those of the members that have started, separated by blanks.
set_client_urls() {
  local lines=$1 line client_url
  client_urls=
  while next_line; do
    set_client_url "$line"
    [ "$client_url" = - ] || client_urls="$client_urls $client_url"
  done
}

# set_client_url LINE: sets `client_url` to that of a member, a line of members_of.
set_client_url() {
  client_url=${1#* * * }
  client_url=${client_url%% *}
}

# The same, but waits for up to a minute for a member that has the turn: it is being restarted or defragmented, and will
# be back. One that accepts connections is asked twice: an old etcd, such as 3.3, does not repeat a linearizable read
# whose messages to other members were lost, for example because one of them has just restarted.
unhealthy_for_long() {
  local listed still gives_up asked_before=
  listed=$(cat)
  # Each look at a host that is silent takes seconds, so what counts is the time.
  set_uptime
  gives_up=$((uptime + 60))
  while :; do
    still=$(printf '%s\n' "$listed" | unhealthy)
    [ -n "$still" ] || break
    if [ -n "$asked_before" ] || ! accept_connections "$still"; then
      set_uptime
      { [ "$uptime" -lt "$gives_up" ] && has_the_turn "$still"; } || break
    fi
    asked_before=yes
    sleep 1
  done
  [ -z "$still" ] || printf '%s\n' "$still"
}

# accept_connections MEMBERS: whether one of these members does.
accept_connections() {
  local client_urls
  set_client_urls "$1"
  # shellcheck disable=SC2086 # one argument for each endpoint
  [ -n "$client_urls" ] && [ -n "$(reachable $client_urls)" ]
}

# has_the_turn MEMBERS: whether one of these members is the one that is disturbed at the moment.
has_the_turn() {
  local holder endpoint
  endpoint=$(any_live_endpoint) || return 1
  holder=$(etcdctl_at "$endpoint" get "$TURN" --print-value-only 2>/dev/null) || return 1
  [ -n "$holder" ] && printf '%s\n' "$1" | awk '{ print $2 " (" $3 ")" }' | grep -qxF -e "$holder"
}

are_healthy() { [ -z "$(printf '%s\n' "$1" | unhealthy)" ]; }

# For messages: `etcd-server-7-12 (https://10.4.7.12:2380), …`
named() { awk '{ printf "%s%s", sep, $2 == "-" ? $3 : $2 " (" $3 ")"; sep = ", " }'; }

# For a refusal: who is not healthy and blocks the change. That is the members in `not_healthy` or, if there are none,
# the cluster, which did not answer at `live`.
ailing() {
  case $not_healthy in
    '') printf 'the cluster (asked at %s) is not healthy' "$live" ;;
    *"$LINE_END"*) printf '%s are not healthy' "$(printf '%s\n' "$not_healthy" | named)" ;;
    *) printf '%s is not healthy' "$(printf '%s\n' "$not_healthy" | named)" ;;
  esac
}

# The members as the startup script in use has them, one per line: NAME=PEER_URL. The program may name others by now.
former_members() {
  sed -n "s/^initial_cluster='\(.*\)'$/\1/p" "$CURRENT/etcd-server-startup.sh" 2>/dev/null | tr , '\n'
}

# The client URLs of the others of them. All members use the same client port.
former_endpoints() {
  former_members | sed 's/^[^=]*=//' | { grep -vxF -e "$PEER_URL" || true; } | sed "s/:[0-9]*$/:${CLIENT_URL##*:}/"
}

# The peer URLs of the program's members, one per line.
desired_peer_urls() {
  local entry IFS=,
  for entry in $INITIAL_CLUSTER; do printf '%s\n' "${entry#*=}"; done
}

# absent_from MEMBERS: the peer URLs of the program's members that are not among these, on one line.
absent_from() {
  local lines=$1 line peer_url present=' ' absent=
  while next_line; do
    peer_url=${line#* * }
    present="$present${peer_url%% *} "
  done
  for peer_url in $(desired_peer_urls); do
    case $present in *" $peer_url "*) ;; *) absent="$absent $peer_url" ;; esac
  done
  printf '%s\n' "${absent# }"
}

count() { grep -c . || true; }

# has_quorum VOTERS HEALTHY
has_quorum() { [ "$2" -ge $(($1 / 2 + 1)) ]; }

# leads_in STATUSES ENDPOINT: by these lines of endpoint_status, the member at ENDPOINT leads.
leads_in() {
  local status=$LINE_END$1
  case $status in *"$LINE_END$2 "*) ;; *) return 1 ;; esac
  status=${status#*"$LINE_END$2 "}
  # shellcheck disable=SC2086 # the words of its line: CLUSTER_ID MEMBER_ID LEADER …
  set -- ${status%%"$LINE_END"*}
  [ "$2" = "$3" ]
}

is_leader() { leads_in "$(endpoint_status "$1")" "$1"; }
is_follower() { [ "$(endpoint_status "$(own_url)" | awk '{ print $3 "" != $4 "" && $4 != "-" }')" = 1 ]; }

# hand_leadership ENDPOINT MEMBER_ID CHECK…: the member at ENDPOINT, which leads, hands leadership over to another one.
# Fails if it cannot, as with the etcdctl of 3.1 and 3.2, or if CHECK does not succeed within 5 s.
hand_leadership() {
  etcdctl_at "$1" move-leader "$2" >/dev/null 2>&1 || return
  shift 2
  wait_until 5 "$@"
}
