# Clients that have never sent a single command are disconnected: Redis has no time limit for those who do not log in, and
# its `timeout` would meet the idle connections of the application as well.
#
# Both connections are opened once and stay: where strangers have taken all the places, a new one would not get in.

idle_seconds=10 # a client library logs in at once
idle_crowd=100  # with more of them than this, one second is enough: they may be taking up all the places
idle_period=2

# drop_idle "HOST:PORT": in the background, for as long as this process lives.
drop_idle() {
	{
		trap - TERM INT EXIT
		while kill -0 $$; do
			idle_round "$1"
			sleep 1
		done
	} >/dev/null 2>&1 &
}

# idle_round "HOST:PORT": lasts until a connection breaks.
# shellcheck disable=SC2086 # the options are several words or none
idle_round() {
	{
		[ -z "$login" ] || printf '%s\n' "$secret"
		{ [ -z "$login" ] || printf '%s\n' "$secret"; } |
			$cli $login -h "${1%:*}" -p "${1##*:}" -r -1 -i "$idle_period" CLIENT LIST TYPE normal |
			awk -v limit="$idle_seconds" -v crowd="$idle_crowd" '
				# Ids go up within a list: a lower one begins the next.
				{ id = substr($1, 4) + 0; if (id <= last) { crowded = silent > crowd; silent = 0 } last = id }
				/ cmd=NULL / && match($0, / age=[0-9]+/) {
					silent++
					if (substr($0, RSTART + 5, RLENGTH - 5) + 0 >= (crowded ? 1 : limit)) print "CLIENT KILL ID " id
				}
				{ fflush() }'
	} |
		$cli $login -h "${1%:*}" -p "${1##*:}"
}
