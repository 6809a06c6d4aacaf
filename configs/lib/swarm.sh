# A task of a Docker Swarm service: what it is told is the same on every host, and its place follows from the host's name.

# take_place: the address, port and role of the node that belongs to $swarm_host, of $swarm_places ("HOST=ADDRESS:PORT ...",
# in the order of the nodes). Without $swarm_host all of that is told directly.
take_place() {
	[ -n "$swarm_host" ] || return 0
	place='' place_index=0
	for entry in $swarm_places; do
		if [ "${entry%%=*}" = "$swarm_host" ]; then
			place=${entry#*=}
			break
		fi
		place_index=$((place_index + 1))
	done
	[ -n "$place" ] || fail 78 "this host, $swarm_host, is not among those of the stack: $swarm_places"
	announce_address=${place%:*}
	bind_address="$announce_address 127.0.0.1"
	if [ -n "$sentinel_port" ]; then
		sentinel_port=${place##*:} sentinel_index=$place_index
	else
		redis_port=${place##*:}
	fi
}

# own_data: waits for an earlier task of this node to end. Swarm may start the next one on the host while it is still leaving.
own_data() {
	[ -n "$swarm_host" ] || return 0
	exec 7>"$data/.lock" || fail 74 "cannot write to $data"
	until flock -n 7; do
		doing "waiting: an earlier container still uses the data"
		sleep 0.2
	done
}
