# A data node's redis-server, from its start to its end. This shell stays process 1, so that it can hand over first.

run_node() {
	render_node >"$data/.rendered.new" || fail 74 "cannot write to $data"
	decide_role "$1"
	doing ''
	find_snapshot
	write_config "$follow"
	if [ -n "$follow" ]; then say "starting as replica of $follow"; else say "starting as master${fenced:+, without writes until that is confirmed}"; fi
	stop=''
	trap 'stop=1' TERM INT
	# shellcheck disable=SC2086
	redis-server "$data/redis.conf" ${snapshot:+--appendonly no} ${fenced:+--min-replicas-to-write $fence} &
	server=$!
	clock
	born=$now
	drop_idle "$(local_node)"
	heed_failovers
	log_snapshot
	watch_role
	while [ -z "$stop" ]; do
		wait "$server"
		code=$?
		[ -n "$stop" ] || exit "$code"
	done
	trap : TERM INT # a second signal must not cut the hand-over short
	: >"$work/leaving"
	hand_over
	stop_server
	after_stop
	[ -z "$successor" ] || persist_role "$successor"
	exit "$code"
}

# stop_server: Redis takes no notice of a SIGTERM while it writes its first append-only file, hence more than one.
stop_server() {
	{ while kill -TERM "$server" && sleep 0.5; do :; done; } >/dev/null 2>&1 &
	insisting=$!
	wait "$server"
	code=$?
	kill "$insisting" 2>/dev/null
}

# Asked at loopback, which the node is always bound to.
local_node() { printf '127.0.0.1:%s' "$redis_port"; }

# rest SECONDS: a sleep that a signal ends.
rest() {
	sleep "$1" &
	wait $!
}

# watch_role: until the Sentinels have been heard once. A role taken without them is corrected, a fence is lifted
# as soon as it may be: most of them answer, they name this node, none is failing it over, and each has been answered by this
# very process (else the silence of the one before it may still count up to down-after, and a replica that has nothing of
# what is written now be promoted); or most are silent, and either a replica has come (so none was promoted), or
# (availability before consistency) it has lasted $fence_timeout.
watch_role() {
	[ -n "$sentinels" ] || return 0
	me="$announce_address:$redis_port" here=$(local_node)
	while [ -z "$stop" ] && kill -0 "$server" 2>/dev/null; do
		clock
		lived=$((now - born))
		ask_sentinels 0.5
		[ "$seen" = 0 ] || touch "$data/.guarded"
		if [ -n "$fenced" ]; then
			ask 0.5 "$here" "INFO replication"
			if [ "$(info role "$here")" = slave ]; then
				unfence "a Sentinel has made this node a replica"
			elif [ "$seen" -gt 0 ] && [ "$named" != "$me" ]; then
				obey
			elif [ "$most" = 1 ]; then
				[ "$clean" = 0 ] || [ "$silent_ms" -ge $((lived * 10)) ] || unfence "the Sentinels confirm this node as master"
			elif grep -q '^slave.*state=online' "$work/$here"; then
				unfence "most Sentinels are silent, but a replica follows"
			elif [ "$durability" = available ] && [ "$lived" -ge $((fence_timeout * 100)) ]; then
				unfence "most Sentinels have been silent for $fence_timeout s"
			fi
			rest 0.1
		elif [ "$seen" -gt 0 ]; then
			[ "$named" = "$me" ] || [ "$named" = "$(printf %s "$follow" | tr ' ' :)" ] || obey
			return 0
		else
			rest 1
		fi
	done
}

# obey: follow the master that the Sentinels name.
obey() {
	say "the Sentinels name $named as master: following it"
	follow="${named%:*} ${named##*:}"
	ask 2 "$here" MULTI "REPLICAOF $follow" "$(unfence_command)" "CONFIG REWRITE" "CLIENT KILL TYPE normal" EXEC
	fenced=''
}

unfence_command() {
	replicas=$(setting min-replicas-to-write "$data/.rendered")
	printf 'CONFIG SET min-replicas-to-write %s' "${replicas:-0}"
}

# unfence REASON: a Sentinel's CONFIG REWRITE may have put the fence into the file, hence the rewrite.
unfence() {
	ask 2 "$here" "$(unfence_command)" "CONFIG REWRITE"
	grep -q OK "$work/$here" || return 0
	say "writes allowed: $1"
	fenced=''
}

# persist_role "HOST PORT": for the next start, where redis-server has not written it itself.
persist_role() {
	{ awk 'tolower($1) != "replicaof"' "$data/redis.conf" && printf 'replicaof %s\n' "$1"; } >"$data/redis.conf.new" &&
		mv "$data/redis.conf.new" "$data/redis.conf"
}
