# Which role a data node starts in: what the Sentinels say, else what it was, else what was declared.
# Two things must never happen: a node without its data becoming the master of nodes that have theirs (they would be wiped),
# and a former master accepting writes that are thrown away as soon as it learns of its successor.

# decide_role DECLARED: sets $follow ("HOST PORT" of the master, "" for a master) and $fenced (1: no writes yet). May wait.
decide_role() {
	follow='' fenced='' persisted='' limit=0.3
	if [ -f "$data/redis.conf" ]; then
		limit=1 persisted=master
		rm -f "$run/bootstrap" # it was meant for an earlier start
		persisted_master=$(setting replicaof "$data/redis.conf")
		[ -z "$persisted_master" ] || persisted=replica
	fi
	rm -f "$run/redis-ha.first"
	clock
	started=$now
	while ask_sentinels "$limit"; do
		clock
		if [ "$seen" -gt 0 ]; then
			! follow_sentinels || return 0
		elif [ "$persisted" = replica ] && { [ -f "$data/.guarded" ] || [ "$1" != replica ]; }; then
			# Without having heard a Sentinel it has followed the declared master, whose address may have been changed.
			follow=$persisted_master
			return 0
		elif [ "$persisted" = master ] && data_is_whole; then
			# With Sentinels about, another may have been made master meanwhile.
			[ -z "$sentinels" ] || [ ! -f "$data/.guarded" ] || fenced=1
			return 0
		elif [ "$1" = replica ]; then
			touch "$run/redis-ha.first"
			follow="$master_address $master_port"
			return 0
		elif [ -z "$sentinels" ] || [ -f "$run/bootstrap" ] || [ $((now - started)) -ge $((bootstrap_wait * 100)) ]; then
			rm -f "$run/bootstrap"
			return 0
		else
			doing "waiting for a Sentinel, or to be told that this is the first start"
		fi
		sleep 0.2
	done
}

# follow_sentinels: takes the role that they name; false where it cannot be taken yet.
follow_sentinels() {
	touch "$data/.guarded"
	if [ "$named" != "$announce_address:$redis_port" ]; then
		follow="${named%:*} ${named##*:}"
	elif data_is_whole || nothing_to_lose; then
		fenced=1
	else
		doing "waiting: the Sentinels name this node as master, but its data is lost; another one must be promoted"
		return 1
	fi
}

# data_is_whole: what the data directory holds is all that this node had acknowledged. A snapshot may be older than that, and
# temp-* is what a Redis that was killed had not finished writing.
data_is_whole() {
	[ "$(setting appendonly "$data/.rendered.new")" = yes ] || return 1
	for manifest in "$data"/*/*.manifest "$data"/*.aof; do
		case $manifest in */temp-*) continue ;; esac
		[ ! -s "$manifest" ] || return 0
	done
	return 1
}

# nothing_to_lose: every replica that the Sentinels know answers, and none holds a key.
nothing_to_lose() {
	known_replicas
	[ -n "$others" ] || return 0
	ask 1 "$others" INFO
	for other in $others; do
		awk '/^db[0-9]+:/ || /^loading:1/ { full = 1 } /^loading:0/ { answered = 1 } END { exit !answered || full }' "$work/$other" || return 1
	done
}
