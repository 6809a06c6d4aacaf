# A failover that the Sentinels lead while this master is alive: asked for by hand, or after it has hung or been cut off.
# It would go on taking writes until it is told, up to 10 s, and all of those would be lost. So it listens to the Sentinels:
# when a replica is selected it pauses writes (the replica has a timer tick of Sentinel's, 50 to 100 ms, to catch up until it
# is promoted), and when another has become master it follows. What was sent while it hung, it reads when it goes on.

heed_pause_ms=5000 # the server lifts a pause by itself, should nothing come of the failover

# heed_failovers: in the background, for as long as this process lives and $work/leaving is not there.
heed_failovers() {
	[ -n "$sentinels" ] || return 0
	me="$announce_address:$redis_port" here=$(local_node) leaving=$work/leaving
	# A connection that is there already: to start a process may take longer than the replica's promotion. Where it has been
	# closed meanwhile, the PING before the command finds that out, and the command itself makes a new one.
	mkfifo "$work/at-once" && exec 9<>"$work/at-once" || fail 74 "cannot write to $run"
	# shellcheck disable=SC2086 # several words
	$cli $login -h "${here%:*}" -p "${here##*:}" <&9 >/dev/null 2>&1 &
	[ -z "$login" ] || printf '%s\n' "$secret" >&9
	echo PING >&9
	exec 8>&2
	heed_all >/dev/null 2>&1 &
}

# heed_all: each Sentinel may lead a failover, so all are listened to: those that this node was told, and every 10 s those
# that they know by now.
heed_all() {
	trap - TERM INT EXIT
	every=$sentinels base=$work work=$work/heed seconds=0
	mkdir -p "$work"
	while kill -0 $$; do
		for heeded in $every; do
			mkdir "$base/listening-$heeded" || continue # it is being listened to
			{
				work=$base/heed-$heeded
				mkdir -p "$work"
				listen "$heeded"
				rmdir "$base/listening-$heeded"
			} &
		done
		sleep 1
		seconds=$((seconds + 1))
		[ $((seconds % 10)) = 1 ] && find_electors || continue
		every="$sentinels $electors"
	done
}

# listen "HOST:PORT": lasts until the connection breaks.
listen() {
	# shellcheck disable=SC2086 # several words
	{ [ -z "$login" ] || printf '%s\n' "$secret"; } |
		$cli $login -h "${1%:*}" -p "${1##*:}" SUBSCRIBE \
			+selected-slave +failover-state-wait-promotion +promoted-slave +switch-master -failover-abort-slave-timeout |
		while read -r word; do
			[ "$word" = message ] && read -r event && read -r subject && [ ! -f "$leaving" ] || continue
			case "$event $subject" in
			"+failover-state-wait-promotion "*" $announce_address $redis_port @ $master_name "*)
				announce_promotion "$1" "${subject##* @ "$master_name" }" 2>&8
				;;
			"+failover-state-wait-promotion "*) ;; # of another replica, which may not be the master yet
			"+selected-slave "*" @ $master_name $announce_address $redis_port") printf 'PING\nCLIENT PAUSE %s WRITE\n' "$heed_pause_ms" >&9 ;;
			*" @ $master_name $announce_address $redis_port" | "+switch-master $master_name $announce_address $redis_port "*) give_way ;;
			esac
		done
}

# give_way: the newest that the Sentinels know is what counts, not the event, which may be an old one.
give_way() {
	ask_sentinels 0.5
	ask 0.5 "$here" "INFO replication"
	if [ "$seen" -gt 0 ] && [ "$named" != "$me" ] && [ "$(info role "$here")" = master ]; then obey; fi
	ask 0.5 "$here" "CLIENT UNPAUSE"
}
