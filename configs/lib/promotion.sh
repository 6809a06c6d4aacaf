# A replica that a failover has promoted says so itself: the Sentinels' leader would find out with its next INFO, which it
# sends once a second, and only then tell the others and the clients. That wait is the longest part of an outage beside the
# detection.

# announce_promotion "HOST:PORT" "HOST PORT": the Sentinel that leads the failover, and the master before this one. A process
# of its own: for its questions the leader is the only Sentinel there is.
#
# Nothing is decided here: the leader's order has been carried out already. It may have come long ago, if this node has hung
# meanwhile: so the leader must still be at it, and the claim is the epoch that follows the one in which it was, for which the
# Sentinels do not vote once they have taken part in anything later.
announce_promotion() (
	leader=$1 before=$2 target=$me
	clock
	told=$now
	promoted || exit 0
	sentinels=$leader
	ask_sentinels 0.3
	[ "$named" = "${before% *}:${before#* }" ] && grep -q failover_in_progress "$work/$leader" || exit 0
	ask 0.3 "$leader" "SENTINEL IS-MASTER-DOWN-BY-ADDR $before 0 $run_id" # an epoch of 0 asks for the vote there is
	claim=$(awk -v epoch="$epoch" 'FNR == 3 { print ($0 > epoch ? $0 : epoch) + 1 }' "$work/$leader")
	find_electors && win_epoch "$before" "$claim" || exit 0
	name_senders
	telling=''
	for peer in $electors; do
		ask 0.5 "$peer" "$(news)" &
		telling="$telling $!"
	done
	# shellcheck disable=SC2086
	wait $telling
	clock
	say "promoted, and told the Sentinels within $(((now - told) * 10)) ms, epoch $claim"
	# In the background: the next event must not wait for them.
	bring_replicas "$leader" "$before" &
)

# promoted: whether this node is master; the order may still be on its way. Sets $run_id.
promoted() {
	for attempt in 1 2 3 4 5; do
		ask 0.3 "$here" "INFO server" "INFO replication"
		run_id=$(info run_id "$here")
		[ "$(info role "$here")" != master ] || return 0
		sleep 0.02
	done
	return 1
}

# bring_replicas "HOST:PORT" "HOST PORT": to this node, as many at a time as the leader would have done it.
bring_replicas() (
	leader=$1 before=$2 work=$work/bring
	mkdir -p "$work"
	known_replicas
	ask 0.5 "$leader" "SENTINEL MASTER $master_name"
	at_once=$(awk 'key == "parallel-syncs" { print } { key = $0 }' "$work/$leader")
	coming='' count=0
	for peer in $others; do
		if [ "$peer" = "$me" ] || [ "$peer" = "${before% *}:${before#* }" ]; then continue; fi
		ask 0.5 "$peer" MULTI "REPLICAOF ${me%:*} ${me##*:}" "CONFIG REWRITE" "CLIENT KILL TYPE normal" EXEC
		coming="$coming $peer" count=$((count + 1))
		[ $((count % ${at_once:-1})) != 0 ] || { linked "$coming"; coming=''; }
	done
)

# linked "HOST:PORT ...": waits until they replicate, but not for long: one of them may be down.
linked() {
	for attempt in 1 2 3 4 5 6 7 8 9 10; do
		waiting=''
		ask 0.5 "$1" "INFO replication"
		for peer in $1; do [ "$(info master_link_status "$peer")" = up ] || waiting=1; done
		[ -n "$waiting" ] || return 0
		sleep 1
	done
}
