# Questions to nodes and Sentinels: all at once, bounded in time, the secret neither on a command line nor in the environment.

# ask_start: a private directory for the replies, and how every question is asked: over TLS or not, and as whom.
ask_start() {
	work=$(mktemp -d "$run/redis-ha.XXXXXX") || fail 74 "cannot write to $run"
	trap 'rm -rf "$work"' EXIT
	login='' secret='' cli=redis-cli
	[ -z "$tls" ] || cli="redis-cli --tls --cacert $tls_ca --cert $tls_cert --key $tls_key"
	if [ -f "$etc/node/internal" ]; then
		read -r secret <"$etc/node/internal" || [ -n "$secret" ] || fail 78 "$etc/node/internal is empty or cannot be read"
		login='--user handover --askpass' # read from stdin, where that is no terminal
	fi
}

# ask SECONDS "HOST:PORT ..." COMMAND...: each one's reply is left in $work/HOST:PORT, empty if there was none.
# An address that no host has takes 3 s to fail, and a hung node never answers: hence the timer.
ask() {
	ask_seconds=$1 ask_peers=$2
	[ -n "$ask_peers" ] || return 0 # a `wait` for nobody would be one for every process
	shift 2
	ask_lines=''
	[ -z "$login" ] || ask_lines="$secret
"
	for ask_command; do
		ask_lines="$ask_lines$ask_command
"
	done
	ask_pids=''
	for ask_peer in $ask_peers; do
		# shellcheck disable=SC2086 # several words
		$cli $login -h "${ask_peer%:*}" -p "${ask_peer##*:}" >"$work/$ask_peer" 2>/dev/null <<-EOF &
			$ask_lines
		EOF
		ask_pids="$ask_pids $!"
	done
	# Closed output: a caller that reads ours must not wait for the timer's end.
	# shellcheck disable=SC2086
	{
		sleep "$ask_seconds"
		kill $ask_pids
	} >/dev/null 2>&1 &
	ask_timer=$!
	# shellcheck disable=SC2086
	wait $ask_pids 2>/dev/null
	kill "$ask_timer" 2>/dev/null
}

# replies "HOST:PORT ...": the files of their replies, as a list for awk.
replies() {
	reply_files=''
	for reply_peer in $1; do reply_files="$reply_files $work/$reply_peer"; done
}

# info FIELD PEER: a field of the INFO that PEER has last answered. No process: it is used while writes are paused.
info() {
	while IFS=: read -r info_name info_value; do
		[ "$info_name" != "$1" ] || { printf '%s' "${info_value%"$carriage_return"}" && return; }
	done <"$work/$2"
}
carriage_return=$(printf '\r')

# ask_sentinels SECONDS: what they know, by the newest configuration among them:
# $seen (how many answered), $most (1: more than half of those that there are to be asked), $named (the master, HOST:PORT),
# $epoch, $agreed (1: all name it), $clean (1: and none has it down or failing over), $silent_ms (since it last answered the
# one that has waited longest).
ask_sentinels() {
	seen=0 most=0 named='' epoch=0 agreed=0 clean=0 silent_ms=0
	[ -n "$sentinels" ] || return 0
	ask "$1" "$sentinels" "SENTINEL GET-MASTER-ADDR-BY-NAME $master_name" "SENTINEL MASTER $master_name"
	replies "$sentinels"
	# shellcheck disable=SC2086
	read -r seen most named epoch agreed clean silent_ms <<-EOF
		$(awk '
			function take() {
				if (address == "" || !("config-epoch" in v)) return
				n++; names[address] = 1
				if (v["flags"] != "master") dirty = 1
				if (v["num-other-sentinels"] + 0 >= there) there = v["num-other-sentinels"] + 1
				if (v["last-ok-ping-reply"] + 0 > silent) silent = v["last-ok-ping-reply"] + 0
				if (v["config-epoch"] + 0 >= best) { best = v["config-epoch"] + 0; master = address }
			}
			FNR == 1 { take(); address = ""; split("", v); ip = $0 }
			FNR == 2 { address = ip ":" $0 }
			FNR > 2 && FNR % 2 { key = $0 }
			FNR > 2 && !(FNR % 2) { v[key] = $0 }
			END {
				take()
				for (a in names) k++
				if (there > ARGC - 1) there = ARGC - 1
				print n + 0, (n * 2 > there), master == "" ? "-" : master, best + 0, k == 1, k == 1 && !dirty, silent + 0
			}
		' $reply_files)
	EOF
	return 0
}

# known_replicas: $others ("HOST:PORT ..."), every replica that the Sentinels know.
known_replicas() {
	ask 1 "$sentinels" "SENTINEL REPLICAS $master_name"
	replies "$sentinels"
	# shellcheck disable=SC2086
	others=$(awk '
		$0 == "ip" || $0 == "port" { key = $0; next }
		key == "ip" { ip = $0 }
		key == "port" && !(ip in seen && seen[ip, $0]) { seen[ip, $0] = 1; printf "%s:%s ", ip, $0 }
		{ key = "" }' $reply_files)
}
