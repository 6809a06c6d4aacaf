# A master hands over before it stops: no acknowledged write is lost, and the gap in writing is some 20 ms.
#
# It acts as the leader of a failover would: it takes an epoch of its own by the Sentinels' votes (so no failover of theirs
# can get in between), pauses writes, promotes a replica that has caught up, and tells each Sentinel of the new configuration
# by the message with which Sentinels tell one another. Waiting for Sentinel to notice a promotion takes a second.
# Where that is not possible (a single Sentinel, votes refused), Sentinel is asked to do it while writes are paused.

pause_ms=2000 # the server lifts a pause by itself after this time, whatever becomes of this shell

# hand_over: sets $successor (HOST PORT) when there is one. In all it takes no longer than $handover_timeout seconds.
hand_over() {
	successor='' voted='' stepped_down=0 here=$(local_node) me="$announce_address:$redis_port"
	clock
	deadline=$((now + handover_timeout * 100 - 150)) # the rest is for Redis' own end (shutdown-timeout)
	[ -n "$sentinels" ] && [ -z "$fenced" ] || return 0
	ask 0.5 "$here" "INFO server" "INFO replication"
	[ "$(info role "$here")" = master ] || return 0
	online=$(awk -F'[=,]' '/^slave[0-9]+:.*state=online/ { printf "%s:%s ", $2, $4 }' "$work/$here")
	[ -n "$online" ] || { say "stopping without a hand-over: no replica"; return 0; }
	run_id=$(info run_id "$here")
	ask_sentinels 0.5
	[ "$seen" -gt 0 ] || { say "stopping without a hand-over: no Sentinel answers"; return 0; }
	[ "$named" = "$me" ] || { say "stopping: the master is $named by now"; return 0; }
	# Asking Sentinel for a failover that it cannot do would only keep it from the next one for a while.
	find_target || { say "stopping without a hand-over: no replica that could take over answers"; return 0; }
	# Failed elections raise the epoch without showing it.
	if ! find_electors; then
		:
	elif win_epoch "$announce_address $redis_port" $((epoch + 1)) $((epoch + 10)) $((epoch + 100)) $((epoch + 1000)); then
		switch_to_target || lift_pause
	else
		say "the Sentinels do not vote for a hand-over"
	fi
	[ -n "$successor" ] || switch_by_sentinel || lift_pause
}

# after_stop: with votes given away and no successor, the Sentinels would wait for twice the failover timeout.
after_stop() {
	[ -n "$voted" ] && [ -z "$successor" ] || return 0
	for peer in $sentinels; do
		ask 0.5 "$peer" "SENTINEL FAILOVER $master_name"
		! grep -q '^OK' "$work/$peer" || break
	done
}

lift_pause() { ask 0.5 "$here" "CLIENT UNPAUSE"; }

# find_target: $target, the online replica to promote. The oldest version first (no older Redis may ever replicate from a
# newer one), then the longest up (in a roll-out the others have been replaced already), then the furthest.
find_target() {
	ask 0.5 "$online" INFO
	replies "$online"
	# shellcheck disable=SC2086
	read -r _ _ _ target <<-EOF
		$(awk -F: '
			function take() {
				if (v["role"] == "slave" && v["master_link_status"] == "up" && v["slave_priority"] > 0 && v["loading"] == 0) {
					split(v["redis_version"], n, ".")
					print n[1] * 1000000 + n[2] * 1000 + n[3], v["uptime_in_seconds"], v["slave_repl_offset"], peer
				}
			}
			{ sub(/\r$/, "") }
			FNR == 1 { take(); split("", v); peer = FILENAME; sub(/.*\//, "", peer) }
			{ v[$1] = $2 }
			END { take() }' $reply_files | sort -k1,1n -k2,2nr -k3,3nr)
	EOF
	[ -n "$target" ]
}

# switch_to_target: false, and nothing has happened, as long as the target has not taken over.
switch_to_target() {
	others=''
	for peer in $online; do [ "$peer" = "$target" ] || [ ! -s "$work/$peer" ] || others="$others $peer"; done
	name_senders
	# Shorter than the pause: writes can never go on while the target is still being promoted.
	open_lines 1.5 "$here $target $others $electors" && pause_writes "$pause_ms" && line_caught_up "$target" &&
		send "$target" "REPLICAOF NO ONE" && hear "$target" && [ "$line" = OK ] ||
		{ say "$target does not take over in time"; close_lines; return 1; }
	successor="${target%:*} ${target##*:}"
	for peer in $electors; do send "$peer" "$(news)"; done
	for peer in $others; do send "$peer" "REPLICAOF $successor"; done
	for peer in $electors; do hear "$peer"; done
	step_down
	close_lines
	ask 0.5 "$online" "CONFIG REWRITE" # brings it to disk, which takes too long for the time before
	for attempt in 1 2 3 4 5; do
		ask_sentinels 0.5
		[ "$agreed$named" != "1$target" ] || break
		for peer in $electors; do ask 0.5 "$peer" "$(news)"; done # one was busy; a repeated message does no harm
	done
	say "handed over to $target, epoch $claim; writes were paused for $(((stepped_down - paused) * 10)) ms"
}

# pause_writes MILLISECONDS: sets $offset, what a replica must have reached.
pause_writes() {
	clock
	paused=$now
	send "$here" "CLIENT PAUSE $1 WRITE" ROLE PING
	hear "$here" && [ "$line" = OK ] && hear "$here" && [ "$line" = master ] && hear "$here" && offset=$line && heard "$here" PONG
}

# line_caught_up PEER: true as soon as it has all that this node has acknowledged, false where it comes too late.
line_caught_up() {
	while send "$1" ROLE && hear "$1" && [ "$line" = slave ] && hear "$1" && hear "$1" && hear "$1" && hear "$1"; do
		[ "$line" -lt "$offset" ] || return 0
		sleep 0.002
	done
	return 1
}

# step_down: this node's clients are sent to the successor; their paused writes fail unexecuted. It becomes a replica of
# nobody (port 1): from the successor it might start a full copy, which would keep it from stopping, or an older Redis would
# replicate from a newer one.
step_down() {
	send "$here" MULTI "REPLICAOF 127.0.0.1 1" "CLIENT KILL TYPE normal" "CLIENT KILL TYPE pubsub" "CLIENT UNPAUSE" EXEC PING
	heard "$here" PONG
	clock
	stepped_down=$now
}

# switch_by_sentinel: the slow way. Sentinel chooses the replica, so all of them must have caught up.
switch_by_sentinel() {
	clock
	left=$((deadline - now))
	[ "$left" -ge 150 ] || return 1
	open_lines 1 "$here $online" && pause_writes "$((left * 10))" || { close_lines; return 1; }
	for peer in $online; do line_caught_up "$peer" || { close_lines; return 1; }; done
	close_lines # they would not last until there is a successor
	for peer in $sentinels; do
		ask 0.5 "$peer" "SENTINEL FAILOVER $master_name"
		if grep -qE '^OK|INPROG' "$work/$peer"; then break; fi
	done
	while clock && [ "$now" -lt "$deadline" ]; do
		ask_sentinels 0.3
		if [ "$seen" -gt 0 ] && [ "$named" != "$me" ]; then
			successor="${named%:*} ${named##*:}"
			! open_lines 1 "$here" || step_down
			close_lines
			say "handed over to $named by Sentinel; writes were paused for $(((stepped_down - paused) * 10)) ms"
			return 0
		fi
		rest 0.02
	done
	say "no Sentinel has named another master in time"
	return 1
}
