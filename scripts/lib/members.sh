# Who the cluster's members are, and who they should be. Matched by exact peer URL, which is what etcd knows a member by.

# members_of ENDPOINT: a line a member: ID NAME PEER_URL CLIENT_URL ROLE
# NAME and CLIENT_URL are - where the cluster does not know them yet; one without a client URL has never started. ROLE is voter or learner.
members_of() {
  etcdctl_at "$1" member list 2>/dev/null | awk -F', ' '
    function or_dash(text) { return text == "" ? "-" : text }
    # One that was added by hand may have several client URLs; it is asked at the first that leads to it from here.
    function reachable(urls,   n, i, url) {
      n = split(urls, url, ",")
      for (i = 1; i <= n; i++) if (url[i] !~ /:\/\/(127\.|localhost|\[::1\])/) return url[i]
      return url[1]
    }
    # A member says itself what it is called: no more of that than a name or a URL can have.
    { for (i = 1; i <= NF; i++) gsub(/[^]A-Za-z0-9._:\/,[-]/, "?", $i); print $1, or_dash($3), $4, or_dash(reachable($5)), $6 == "true" ? "learner" : "voter" }'
}

# What preflight knows of the cluster, asked once: empty where no linearizable read succeeds here.
know_members() {
  known_members=
  if is_running && answers_healthy; then known_members=$(members_of "$(own_url)"); fi
}
known_members=

# Filters of such lines: those that the program names, and those that it does not.
desired() { by_program 1; }
undesired() { by_program 0; }

by_program() {
  awk -v program="$INITIAL_CLUSTER" -v want="$1" '
    BEGIN { n = split(program, entries, ","); for (i = 1; i <= n; i++) { sub(/^[^=]*=/, "", entries[i]); named[entries[i]] } }
    ($3 in named) == want'
}

# Those but this member; and this member alone.
others() { awk -v own="$PEER_URL" '$3 != own'; }
own_entry() { awk -v own="$PEER_URL" '$3 == own'; }

# Those that never started have no client URL yet.
started() { awk '$4 != "-"'; }

voters() { awk '$5 == "voter"'; }
learners() { awk '$5 == "learner"'; }

# Those whose join has not ended: they have never started, or have no vote yet.
unfinished() { awk '$4 == "-" || $5 == "learner"'; }

# Each join of a deploy leaves its peer URL in the cluster, so that a member whose join was cut short is known even when the program no longer
# names it, and is told from one that somebody else is adding.
JOINS=cdktf-etcd/joins

note_join() { etcdctl_at "$live" put "$JOINS/$PEER_URL" "$MEMBER" >/dev/null 2>&1 || true; }

# forget_join ENDPOINT PEER_URL: it has joined, or is out: who is added there later is added by somebody else.
forget_join() { etcdctl_at "$1" del "$JOINS/$2" >/dev/null 2>&1 || true; }

# forget_joins KEYS: of those, the ones whose member is among the voters of `members` by now.
forget_joins() {
  printf '%s\n' "$1" | sed -n "s|^$JOINS/||p" | while read -r joined; do
    ! printf '%s\n' "$members" | started | voters | awk '{ print $3 }' | grep -qxF -e "$joined" || forget_join "$(own_url)" "$joined"
  done
}

# What is staged for a member and not rolled out leaves its peer URL in the cluster until it is. Terraform records a rollout that it was killed in as
# done when another resource ends beside it, and nothing else would tell (ADR 8).
DUE=cdktf-etcd/due

note_due() { change_due put "$DUE/$PEER_URL" "$MEMBER"; }
forget_due() { change_due del "$DUE/$PEER_URL"; }

# Under an alarm etcd writes nothing: then nobody is told, as when it does not answer.
change_due() { ! accepts_connections "$(own_url)" || etcdctl_at "$(own_url)" "$@" >/dev/null 2>&1 || true; }

# A filter of keys: the program's members of which something is due, as their peer URLs.
all_due() { sed -n "s|^$DUE/||p" | grep -xF -e "$(desired_peer_urls)" || true; }

# joined_by_others ENDPOINT: a filter, those whose join has not ended and was not begun by a deploy.
joined_by_others() {
  while read -r entry_line; do
    peer_url=$(printf '%s\n' "$entry_line" | unfinished | awk '{ print $3 }')
    [ -z "$peer_url" ] || [ -n "$(etcdctl_at "$1" get "$JOINS/$peer_url" 2>/dev/null)" ] || printf '%s\n' "$entry_line"
  done
}

# Those through which no linearizable read succeeds; all are asked at the same time.
unhealthy() {
  asked=$(cat)
  [ -n "$asked" ] || return 0
  down=$(unhealthy_of "$(printf '%s\n' "$asked" | awk '$4 != "-" { print $4 }')" | tr '\n' ' ')
  printf '%s\n' "$asked" | awk -v down="$down" 'BEGIN { n = split(down, urls, " "); for (i = 1; i <= n; i++) dead[urls[i]] } $4 == "-" || $4 in dead'
}

# For messages: `etcd-server-7-12 (https://10.4.7.12:2380), …`
named() { awk '{ printf "%s%s", sep, $2 == "-" ? $3 : $2 " (" $3 ")"; sep = ", " }'; }

# Who is in the way, for a refusal: those in `not_healthy`, asked for at `live`; or the cluster, which did not answer.
ailing() {
  if [ -n "$not_healthy" ]; then
    printf '%s\n' "$not_healthy" | named
  else
    printf 'the cluster, as asked at %s,' "$live"
  fi
}

# The peer URLs of the program's members, one a line.
desired_peer_urls() { printf '%s\n' "$INITIAL_CLUSTER" | tr , '\n' | sed 's/^[^=]*=//'; }

count() { grep -c . || true; }

# has_quorum VOTERS HEALTHY
has_quorum() { [ "$2" -ge $(($1 / 2 + 1)) ]; }

is_leader() { [ "$(endpoint_status "$1" | awk '{ print $3 "" == $4 "" }')" = 1 ]; }
is_follower() { [ "$(endpoint_status "$(own_url)" | awk '{ print $3 "" != $4 "" && $4 != "-" }')" = 1 ]; }
