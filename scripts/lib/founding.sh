# Whether this member may start as new. Two clusters that each take themselves for the one lose what the other acknowledged, so it needs proof that
# there is no cluster yet: from Terraform, which remembers the founding, and from the other founders, each of which must say what it knows.

is_founder() {
  case ,$FOUNDERS, in *",$MEMBER=$PEER_URL,"*) ;; *) return 1 ;; esac
}

# not_the_founding: why, by what Terraform remembers, this is not the deploy that founds the cluster; empty when it is.
# Somebody who left and is added again, or got a new machine, would come back with nothing and under an identity that has voted before.
not_the_founding() {
  if ! is_founder; then
    echo "not a founder"
  elif [ "$(sorted "$INITIAL_CLUSTER")" != "$(sorted "$FOUNDERS")" ] || [ "$MEMBERSHIP" != "$FOUNDING_MEMBERSHIP" ]; then
    echo "the members have changed since the cluster was founded"
  else
    case ,$FOUNDING_REPROVISIONS, in
      *",$MEMBER=$REPROVISION,"*) ;;
      *) echo "its reprovision has changed since the cluster was founded" ;;
    esac
  fi
}

sorted() { printf '%s\n' "$1" | tr , '\n' | sort; }

# etcd makes a founder's ID from its peer URL and the token; one that is added later has another, under the same URL.
founding_id() { printf '%u' "0x$(printf '%s%s' "$PEER_URL" "$CLUSTER_TOKEN" | sha1sum | cut -c1-16)"; }

# Asks all other founders; false while one of them leaves it open. `obstacle` is the reason then. `founded` is set when one knows of a life of the
# cluster in which this member has no place as a founder. What is closed is a host on which no etcd has been started yet.
ask_founders() {
  local name peer_url client_url
  obstacle='' founded=''
  while read -r name peer_url client_url; do
    [ "$peer_url" != "$PEER_URL" ] || continue
    case $(port_state "$peer_url") in
      closed)
        [ "$(port_state "$client_url")" = closed ] || obstacle="$name has nobody at $peer_url, but somebody who is no etcd of this cluster at $client_url"
        ;;
      open)
        case $(view_of "$peer_url") in
          awaited) ;;
          known) founded=yes ;;
          *) obstacle="$name accepts connections at $peer_url and does not say who its members are: $(tls_reason "$(https_get "$peer_url" /members)")" ;;
        esac
        ;;
      *) obstacle="$name neither accepts nor refuses connections at $peer_url" ;;
    esac
  done <<LIST
$(founder_urls)
LIST
  [ -n "$founded" ] || [ -z "$obstacle" ]
}

# The members, a line each: NAME PEER_URL CLIENT_URL
founder_urls() {
  awk -v peers="$INITIAL_CLUSTER" -v clients="$ENDPOINTS" 'BEGIN {
    n = split(peers, peer, ","); split(clients, client, ",")
    for (i = 1; i <= n; i++) { sub(/=/, " ", peer[i]); print peer[i], client[i] } }'
}

# port_state URL: `open`; `closed`, when the host says that nobody listens; or `silent`, which a firewall is, or a host that is down.
port_state() {
  local authority address answer
  authority=${1#*://}
  address=${authority%:*}
  address=${address#[}
  # shellcheck disable=SC2016 # the inner bash expands it
  if answer=$(timeout 3 bash -c ': <"/dev/tcp/$0/$1"' "${address%]}" "${authority##*:}" 2>&1); then
    echo open
  else
    case $answer in *refused*) echo closed ;; *) echo silent ;; esac
  fi
}

# view_of PEER_URL: what the etcd there knows of this member: `awaited` when it has never seen this founder started, `known` when it has, or when it
# does not count it among its members any more. Asked at the peer port, since there etcd answers before it has a quorum.
view_of() {
  local members
  members=$(https_get "$1" /members)
  case $members in *'"peerURLs"'*) ;; *) return 1 ;; esac
  printf '%s\n' "$members" | tr '{' '\n' | awk -v url="\"$PEER_URL\"" -v id="\"id\":$(founding_id)," '
    index($0, url) && index($0, id) && !index($0, "\"clientURLs\"") { awaited = 1 }
    END { print awaited ? "awaited" : "known" }'
}
