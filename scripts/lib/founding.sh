# Whether this member may start etcd as `new`. If the members founded two clusters, each of them would lack writes that
# the other has acknowledged. A founder therefore needs proof that there is no cluster yet: from Terraform, which
# remembers how the cluster was founded, and from the other founders, each of which must say what it knows.

is_founder() {
  case ,$FOUNDERS, in *",$MEMBER=$PEER_URL,"*) ;; *) return 1 ;; esac
}

# not_the_founding: prints why this deploy, according to what Terraform remembers, is not the one that founds the
# cluster; prints nothing if it is. A member that left and was added again, or that got a new machine, would otherwise
# start without data, under an identity that has already voted.
not_the_founding() {
  if ! is_founder; then
    echo "not a founder"
  elif [ "$MEMBERSHIP" != "$FOUNDING_MEMBERSHIP" ] || ! are_the_founders "$INITIAL_CLUSTER"; then
    echo "the members have changed since the cluster was founded"
  else
    case ,$FOUNDING_REPROVISIONS, in
      *",$MEMBER=$REPROVISION${MACHINE:+@$MACHINE},"*) ;;
      *) echo "its reprovision or its machine has changed since the cluster was founded" ;;
    esac
  fi
}

# are_the_founders MEMBERS: the same members, in whatever order.
are_the_founders() { [ "$1" = "$FOUNDERS" ] || [ "$(sorted "$1")" = "$(sorted "$FOUNDERS")" ]; }

sorted() { printf '%s\n' "$1" | tr , '\n' | sort; }

# etcd derives a founder's ID from its peer URL and the token. A member that is added later gets another ID, even under
# the same URL.
founding_id() { printf '%u' "0x$(printf '%s%s' "$PEER_URL" "$CLUSTER_TOKEN" | sha1sum | cut -c1-16)"; }

# Asks all other founders. Succeeds if one of them shows that the cluster has formed already (`founded` is then set), or
# if each of them either waits for this founder or has not started etcd yet (its ports are closed). Otherwise fails,
# with the reason in `obstacle`.
ask_founders() {
  local lines line name peer_url client_url
  obstacle='' founded=''
  lines=$(program_urls)
  # This member is one of them.
  [ -n "$lines" ] || obstacle="the other founders could not be listed"
  # A loop that reads a here-document is skipped where bash finds no room for it, as if nobody objected.
  while next_line; do
    name=${line%% *} peer_url=${line#* } client_url=${line##* }
    peer_url=${peer_url% *}
    [ "$peer_url" != "$PEER_URL" ] || continue
    case $(port_state "$peer_url") in
      closed)
        [ "$(port_state "$client_url")" = closed ] ||
          obstacle="$name does not listen at $peer_url, but something that is not an etcd of this cluster listens at $client_url"
        ;;
      open)
        case $(view_of "$peer_url") in
          awaited) ;;
          known) founded=yes ;;
          *)
            obstacle="$name accepts connections at $peer_url but does not say who its members are: $(tls_reason "$(https_get "$peer_url" /members)")"
            ;;
        esac
        ;;
      *) obstacle="$name neither accepts nor refuses connections at $peer_url" ;;
    esac
  done
  [ -n "$founded" ] || [ -z "$obstacle" ]
}

# Prints the members, one per line: NAME PEER_URL CLIENT_URL
program_urls() {
  awk -v peers="$INITIAL_CLUSTER" -v clients="$ENDPOINTS" 'BEGIN {
    n = split(peers, peer, ","); split(clients, client, ",")
    for (i = 1; i <= n; i++) { sub(/=/, " ", peer[i]); print peer[i], client[i] } }'
}

# view_of PEER_URL: prints what the etcd there knows about this member: `awaited` if it counts it as a founder that has
# never started; `known` if the member has started before, or if it is no longer one of the members under its founder's
# ID. The question goes to the peer port, because etcd answers there before it has a quorum.
view_of() {
  local members
  members=$(https_get "$1" /members)
  case $members in *'"peerURLs"'*) ;; *) return 1 ;; esac
  printf '%s\n' "$members" | tr '{' '\n' | awk -v url="\"$PEER_URL\"" -v id="\"id\":$(founding_id)," '
    index($0, url) && index($0, id) && !index($0, "\"clientURLs\"") { awaited = 1 }
    END { print awaited ? "awaited" : "known" }'
}
