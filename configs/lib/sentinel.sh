# A Sentinel's process, from its start to its end. This shell stays process 1, so that it can make it forget removed nodes:
# they were still running when the Sentinels were told that they are not declared any more, and so were discovered again.

run_sentinel() {
	state=$data/sentinel.conf declared=$sentinels myid='' sentinels='' stop=''
	index=0
	for peer in $declared; do
		if [ "$index" = "$sentinel_index" ]; then myid=${peer##*:}; else sentinels="$sentinels ${peer%:*}"; fi
		index=$((index + 1))
	done
	forget=$run/redis-ha.forget
	drop_idle "127.0.0.1:$sentinel_port"
	while [ -z "$stop" ]; do
		rm -f "$forget"
		write_state
		redis-server "$state" --sentinel &
		server=$!
		trap 'stop=1; kill -TERM "$server" 2>/dev/null' TERM INT
		{
			set_periods
			forget_removed
		} &
		watcher=$!
		wait "$server"
		code=$?
		[ -z "$stop" ] || { wait "$server" && code=$?; } # a signal has ended the first one
		kill "$watcher" 2>/dev/null
		[ -f "$forget" ] || exit "$code"
	done
}

# set_periods: $sentinel_periods (such as "ping-period 300"), which no configuration file can hold. As soon as it answers;
# Redis before 7.0 has no such command, and keeps its own periods.
set_periods() {
	trap - TERM INT EXIT
	[ -n "$sentinel_periods" ] || return 0
	set_here=127.0.0.1:$sentinel_port
	periods_set=''
	while [ -z "$periods_set" ] && kill -0 "$server" 2>/dev/null; do
		ask 1 "$set_here" "SENTINEL DEBUG $sentinel_periods"
		read -r periods_set <"$work/$set_here" || sleep 0.1
	done
	[ "$periods_set" = OK ] || say "this Sentinel keeps its own periods: $periods_set"
}

# forget_removed: ends the process, to be started from a pruned state, as soon as a node or Sentinel that is not declared
# is known, and down. No failover is disturbed, and no two Sentinels do it at once: each waits for its turn, by its index.
forget_removed() {
	trap - TERM INT EXIT
	while [ -n "$data_nodes" ] && sleep 2 && kill -0 "$server" 2>/dev/null; do
		ghosts && sleep "$sentinel_index" && ghosts || continue
		say "forgetting what is not declared any more:$removed"
		: >"$forget"
		kill -TERM "$server"
		return
	done
}

# ghosts: sets $removed, their addresses.
ghosts() {
	ghost_here=127.0.0.1:$sentinel_port
	ask 1 "$ghost_here" "SENTINEL MASTER $master_name" "SENTINEL REPLICAS $master_name" "SENTINEL SENTINELS $master_name"
	removed=$(awk -v nodes="$data_nodes" -v sentinels="$sentinels" '
		BEGIN { n = split(nodes " " sentinels, list, " "); for (i = 1; i <= n; i++) known[list[i]] = 1 }
		function take() {
			if (!("flags" in v)) return
			if (!master++) { well = v["flags"] == "master"; return }
			at = v["ip"] ":" v["port"]
			if (!(at in known) && v["flags"] ~ /s_down/) printf " %s", at
		}
		key == "" { if ($0 == "name") { take(); split("", v) } key = $0; next }
		{ v[key] = $0; key = "" }
		END { take(); exit !well }' "$work/$ghost_here") && [ -n "$removed" ]
}
