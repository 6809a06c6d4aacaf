# A Sentinel's configuration: settings are rendered anew at each start, the state on the volume is carried over,
# and the peers are exactly the declared ones: no ghost of a removed node, and none has to be discovered first.

# write_state: $state, ready to start a Sentinel from.
write_state() {
	[ -f "$state" ] || : >"$state" || fail 74 "cannot write to $data"
	[ -n "$myid" ] || myid=$(kept myid)
	find_master
	doing ''
	case $master_ip in *[!0-9.]*) resolve_hostnames=yes ;; *) resolve_hostnames=no ;; esac
	case $master_ip in *:*) resolve_hostnames=no ;; esac
	announce_port=${announce_address:+$sentinel_port}
	ports "$sentinel_port"
	export bind_address protected_mode data announce_address announce_port myid master_name master_ip master_at quorum resolve_hostnames
	{ render "$etc/sentinel.conf" && state_lines && login_lines; } >"$state.new" && mv "$state.new" "$state" || fail 74 "cannot write to $data"
	say "watching $master_name at $master_ip $master_at"
}

# kept WORDS...: what follows these words in the kept state.
kept() { awk -v words="sentinel $*" 'index($0, words " ") == 1 { print substr($0, length(words) + 2); exit }' "$state"; }

# find_master: $master_ip and $master_at (its port), from the state; without one from the nodes and the other Sentinels.
find_master() {
	read -r master_ip master_at _ <<-EOF
		$(kept monitor "$master_name")
	EOF
	declared_node "$master_ip:$master_at" && return
	clock
	started=$now waited=0
	while [ "$waited" -lt 1000 ]; do
		ask 0.5 "$data_nodes" "INFO replication"
		replies "$data_nodes"
		masters='' silent=0
		for node in $data_nodes; do
			case $(info role "$node") in
			master) masters="$masters $node" ;;
			slave) ;;
			*) silent=$((silent + 1)) ;;
			esac
		done
		# shellcheck disable=SC2086
		set -- $masters
		named=''
		if [ $# != 1 ] || [ "$silent" != 0 ]; then
			ask_sentinels 0.5
			[ "$seen" -gt 0 ] || named=''
		fi
		# One master and all others agree, or the other Sentinels know, or (after a while) there is one among those that answer.
		if [ $# = 1 ] && { [ "$silent" = 0 ] || { [ -z "$named" ] && [ "$waited" -ge 300 ]; }; }; then named=$1; fi
		if [ -n "$named" ]; then
			master_ip=${named%:*} master_at=${named##*:}
			return
		fi
		[ -n "$data_nodes" ] || break
		doing "waiting for the data nodes, or another Sentinel, to name the master"
		sleep 0.2
		clock
		waited=$((now - started))
	done
	master_ip=$master_address master_at=$master_port
}

declared_node() {
	[ "$1" != : ] || return 1
	[ -n "$data_nodes" ] || return 0
	case " $data_nodes " in *" $1 "*) ;; *) return 1 ;; esac
}

# state_lines: epochs as kept (or as the others have them), and the peers.
state_lines() {
	config_epoch=$(kept config-epoch "$master_name") leader_epoch=$(kept leader-epoch "$master_name") current_epoch=$(kept current-epoch)
	config_epoch=${config_epoch:-${epoch:-0}}
	[ "${current_epoch:-0}" -ge "$config_epoch" ] || current_epoch=$config_epoch
	printf 'sentinel config-epoch %s %s\nsentinel leader-epoch %s %s\nsentinel current-epoch %s\n' \
		"$master_name" "$config_epoch" "$master_name" "${leader_epoch:-0}" "${current_epoch:-0}"
	for node in $data_nodes; do
		[ "$node" = "$master_ip:$master_at" ] || printf 'sentinel known-replica %s %s %s\n' "$master_name" "${node%:*}" "${node##*:}"
	done
	for peer in $declared; do
		id=${peer##*:} peer=${peer%:*}
		[ "$id" = "$myid" ] || printf 'sentinel known-sentinel %s %s %s %s\n' "$master_name" "${peer%:*}" "${peer##*:}" "$id"
	done
	# Started by hand, without the list of its peers, it keeps those that it has found itself.
	[ -n "$data_nodes" ] || grep -E '^sentinel known-(replica|slave) ' "$state"
	[ -n "$declared" ] || grep '^sentinel known-sentinel ' "$state"
	return 0
}

login_lines() {
	[ -n "$secret" ] || return 0
	printf 'sentinel auth-user %s sentinel\nsentinel auth-pass %s "%s"\n' "$master_name" "$master_name" "$secret"
	printf 'sentinel sentinel-user sentinel\nsentinel sentinel-pass "%s"\n' "$secret"
}
