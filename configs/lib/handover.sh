# A master hands over before it stops: no acknowledged write is lost, and the gap in writing is some 20 ms.
#
# It acts as the leader of a failover would: it takes an epoch of its own by the Sentinels' votes (so no failover of theirs
# can get in between), pauses writes, promotes a replica that has caught up, and tells each Sentinel of the new configuration
# by the message with which Sentinels tell one another. Waiting for Sentinel to notice a promotion takes a second.
# Where that is not possible (a single Sentinel, votes refused), Sentinel is asked to do it while writes are paused.

pause_ms=2000 # the server lifts a pause by itself after this time, whatever becomes of this shell

# hand_over: sets $successor (HOST PORT) when there is one. In all it takes no longer than $handover_timeout seconds.
hand_over() {
	successor='' here=$(local_node) me="$announce_address:$redis_port"
	clock
	deadline=$((now + handover_timeout * 100))
	[ -n "$sentinels" ] && [ -z "$fenced" ] || return 0
	ask 0.5 "$here" "INFO server" "INFO replication"
	[ "$(info role "$here")" = master ] || return 0
	online=$(awk -F'[=,]' '/^slave[0-9]+:.*state=online/ { printf "%s:%s ", $2, $4 }' "$work/$here")
	[ -n "$online" ] || { say "stopping without a hand-over: no replica"; return 0; }
	run_id=$(info run_id "$here") version=$(version_number "$(info redis_version "$here")")
	ask_sentinels 0.5
	[ "$seen" -gt 0 ] || { say "stopping without a hand-over: no Sentinel answers"; return 0; }
	[ "$named" = "$me" ] || { say "stopping: the master is $named by now"; return 0; }
	if find_electors && find_target && win_epoch; then switch_to_target || lift_pause; fi
	[ -n "$successor" ] || switch_by_sentinel || lift_pause
}

lift_pause() { ask 0.5 "$here" "CLIENT UNPAUSE"; }

version_number() { echo "$1" | awk -F. '{ print $1 * 1000000 + $2 * 1000 + $3 }'; }

# find_target: $target, the online replica to promote. The oldest version first (no older Redis may ever replicate from a
# newer one), then the longest up (in a roll-out the others have been replaced already), then the furthest.
find_target() {
	ask 0.5 "$online" INFO
	replies "$online"
	# shellcheck disable=SC2086
	read -r target_version _ _ target <<-EOF
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

# find_electors: $identities ("HOST:PORT ID", every Sentinel that another knows), $electors (those to ask), $known (how many
# there are in all). False with a single one: nobody could be named as the sender of the news.
find_electors() {
	ask 0.5 "$sentinels" "SENTINEL SENTINELS $master_name"
	replies "$sentinels"
	# shellcheck disable=SC2086
	identities=$(awk '
		FNR == 1 { key = "" }
		key == "" { if ($0 != "") key = $0; next }
		{ v[key] = $0 }
		key == "flags" && length(v["runid"]) == 40 && !seen[v["runid"]]++ { print v["ip"] ":" v["port"], v["runid"], (/s_down/ ? "down" : "up") }
		{ key = "" }' $reply_files)
	electors=$(
		{
			for peer in $sentinels; do [ ! -s "$work/$peer" ] || echo "$peer"; done
			echo "$identities" | awk '$3 == "up" { print $1 }'
		} | sort -u
	)
	known=$({ echo "$electors" && echo "$identities"; } | awk 'NF && !seen[$1]++ { n++ } END { print n + 0 }')
	[ -n "$identities" ]
}

# win_epoch: $claim, an epoch for which a majority of the Sentinels (or, where fewer are left, all of them) have voted for
# this node. From then on none of them starts a failover of its own for a while.
win_epoch() {
	replies "$electors"
	for step in 1 10 100 1000; do
		claim=$((epoch + step))
		# shellcheck disable=SC2086
		ask 0.3 "$electors" "SENTINEL IS-MASTER-DOWN-BY-ADDR $announce_address $redis_port $claim $run_id"
		# shellcheck disable=SC2086
		awk -v id="$run_id" -v claim="$claim" -v known="$known" '
			FNR == 2 { leader = $0 }
			FNR == 3 { if (leader == id && $0 == claim) votes++; else refused++ }
			END { exit !(votes * 2 > known || votes && !refused) }' $reply_files && return 0
	done
	say "the Sentinels do not vote for a hand-over"
	return 1
}

# pause_writes MILLISECONDS: sets $offset, what a replica must have reached.
pause_writes() {
	ask 0.5 "$here" "CLIENT PAUSE $1 WRITE" "INFO replication"
	offset=$(info master_repl_offset "$here")
	[ -n "$offset" ] || return 1
	clock
	paused=$now
}

# caught_up "HOST:PORT ...": true as soon as all have what this node has acknowledged, false after a second.
caught_up() {
	while clock && [ $((now - paused)) -lt 100 ]; do
		ask 0.3 "$1" "INFO replication"
		behind=''
		for peer in $1; do
			reached=$(info slave_repl_offset "$peer")
			[ "${reached:-0}" -ge "$offset" ] || behind=1
		done
		[ -n "$behind" ] || return 0
	done
	say "not caught up within a second: $1"
	return 1
}

switch_to_target() {
	pause_writes "$pause_ms" && caught_up "$target" || return 1
	ask 0.5 "$target" "REPLICAOF NO ONE" ROLE
	grep -q '^master' "$work/$target" || { say "$target does not take over"; return 1; }
	successor="${target%:*} ${target##*:}"
	tell "$electors" &
	telling=$!
	others=''
	for peer in $online; do [ "$peer" = "$target" ] || others="$others $peer"; done
	ask 0.5 "$others" "REPLICAOF $successor"
	wait "$telling"
	step_down
	ask 0.5 "$online" "CONFIG REWRITE" # brings it to disk, which takes too long for the time before
	for attempt in 1 2 3 4 5; do
		ask_sentinels 0.5
		[ "$agreed$named" != "1$target" ] || break
		tell "$electors" # one was busy; a repeated message does no harm
	done
	say "handed over to $target, epoch $claim; writes were paused for $(((stepped_down - paused) * 10)) ms"
}

# tell "HOST:PORT ...": the new configuration, to each Sentinel in the name of another one that it knows.
tell() {
	tell_pids=''
	for peer in $1; do
		sender=$(echo "$identities" | while read -r address id _; do [ "$address" = "$peer" ] || { echo "${address%:*},${address##*:},$id" && break; }; done)
		ask 0.5 "$peer" "PUBLISH __sentinel__:hello $sender,$claim,$master_name,${successor% *},${successor#* },$claim" &
		tell_pids="$tell_pids $!"
	done
	# shellcheck disable=SC2086
	wait $tell_pids
}

# step_down: this node's clients are sent to the successor. Their paused writes fail unexecuted.
step_down() {
	away="REPLICAOF $successor"
	[ "${target_version:-0}" -le "$version" ] || away="CONFIG SET min-replicas-to-write $fence"
	ask 0.5 "$here" MULTI "$away" "CLIENT KILL TYPE normal" "CLIENT KILL TYPE pubsub" "CLIENT UNPAUSE" EXEC
	clock
	stepped_down=$now
}

# switch_by_sentinel: the slow way. Sentinel chooses the replica, so all of them must have caught up.
switch_by_sentinel() {
	clock
	left=$((deadline - now))
	[ "$left" -ge 150 ] && pause_writes "$((left * 10))" && caught_up "$online" || return 1
	for peer in $sentinels; do
		ask 0.5 "$peer" "SENTINEL FAILOVER $master_name"
		if grep -qE '^OK|INPROG' "$work/$peer"; then break; fi
	done
	while clock && [ "$now" -lt "$deadline" ]; do
		ask_sentinels 0.3
		if [ "$seen" -gt 0 ] && [ "$named" != "$me" ]; then
			successor="${named%:*} ${named##*:}" target_version=999999999 # unknown: it may be newer
			step_down
			say "handed over to $named by Sentinel; writes were paused for $(((stepped_down - paused) * 10)) ms"
			return 0
		fi
		rest 0.05
	done
	say "no Sentinel has named another master in time"
	return 1
}
