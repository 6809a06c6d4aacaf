# Open connections, for the moment in which every millisecond counts: a redis-cli for each peer, started beforehand, its ends
# two pipes in $work. Sending and hearing take no process. Both open the pipes for reading and writing: neither ever blocks
# in open(), and what blocks in read() is released by the timer, which answers "late" in place of the peer.

# open_lines SECONDS "HOST:PORT ...": they are of use for so long.
open_lines() {
	line_pids='' line_peers=$2
	for peer in $2; do
		rm -f "$work/$peer.in" "$work/$peer.out"
		mkfifo "$work/$peer.in" "$work/$peer.out"
		# The pipes are open before the child runs: what is sent to a pipe that nobody has open yet would be lost.
		# shellcheck disable=SC2086
		{
			$cli $login -h "${peer%:*}" -p "${peer##*:}" <&3 >&4 2>&4 3>&- 4>&- & # what goes wrong is an answer, too
			line_pids="$line_pids $!"
			[ -z "$login" ] || send "$peer" "$secret"
			send "$peer" PING
		} 3<>"$work/$peer.in" 4<>"$work/$peer.out"
	done
	{
		sleep "$1"
		for peer in $line_peers; do
			yes late | head -n 200 1<>"$work/$peer.out"
		done
	} >/dev/null 2>&1 &
	line_timer=$!
	for peer in $2; do hear "$peer" && [ "$line" = PONG ] || return 1; done
}

close_lines() {
	# shellcheck disable=SC2086
	kill $line_timer $line_pids 2>/dev/null
	for peer in $line_peers; do rm -f "$work/$peer.in" "$work/$peer.out"; done
}

# send PEER COMMAND...
send() {
	line_to=$1
	shift
	for line_command; do printf '%s\n' "$line_command"; done 1<>"$work/$line_to.in"
}

# hear PEER: the next line of its answers is $line; false where it comes too late.
hear() {
	read -r line <>"$work/$1.out"
	[ "$line" != late ]
}

# heard PEER LINE: skips its answers up to LINE.
heard() {
	while hear "$1"; do
		[ "$line" != "$2" ] || return 0
	done
	return 1
}
