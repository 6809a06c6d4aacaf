# What a data node or a Sentinel says of itself, in one line; true when it has joined.

node_health() {
	node=127.0.0.1:$redis_port
	ask 2 "$node" "INFO replication" "INFO persistence" "CONFIG GET min-replicas-to-write" "CONFIG GET save"
	first=''
	[ ! -f "$run/redis-ha.first" ] || first=1
	awk -F: -v fence="$fence" -v first="$first" '
		function out(code, text) { print text; done = 1; exit code }
		{ sub(/\r$/, "") }
		pending != "" { v[pending] = $0; pending = ""; next }
		/^(min-replicas-to-write|save)$/ { pending = $0; next }
		{ v[$1] = substr($0, length($1) + 2) }
		/^(ERR|NOAUTH|NOPERM|WRONGPASS|DENIED|-)/ { refused = $0 }
		END {
			if (done) exit
			peer = v["master_host"] ":" v["master_port"]
			if (!("role" in v)) out(1, refused != "" ? "refused: " refused : "not answering")
			if (v["loading"] == 1 && v["role"] == "master") out(1, "loading its data: " v["loading_loaded_perc"] " %")
			if (v["aof_enabled"] == 1 && v["aof_last_write_status"] != "ok") out(1, "cannot write the append-only file: is the disk full? writes are refused")
			if (v["save"] != "" && v["rdb_last_bgsave_status"] != "ok") out(1, "cannot write a snapshot: is the disk full? writes are refused")
			if (v["role"] == "master") {
				need = v["min-replicas-to-write"]
				if (need == fence) out(1, "master, but without writes until that is confirmed")
				if (need > 0 && v["min_slaves_good_slaves"] + 0 < need + 0) out(0, "master, refusing writes: " v["min_slaves_good_slaves"] " of " need " replicas keep up")
				out(0, "master of " v["connected_slaves"] " replicas")
			}
			if (v["master_link_status"] == "up") out(0, "replica of " peer)
			if (v["master_sync_in_progress"] == 1) out(1, "copying the data of " peer)
			if (v["loading"] == 1) out(1, "loading its data")
			if (first && v["slave_repl_offset"] + 0 <= 1) out(0, "replica, waiting for a first master at " peer)
			out(1, "link to master " peer " is down")
		}' "$work/$node"
}

# The master up, every declared data node up, and every Sentinel that was started before this one; not those at $absent,
# the addresses of hosts that a roll-out leaves out.
sentinel_health() {
	node=127.0.0.1:$sentinel_port
	ask 2 "$node" "SENTINEL MASTER $master_name" "SENTINEL REPLICAS $master_name" "SENTINEL SENTINELS $master_name"
	earlier='' index=0
	for peer in $sentinels; do
		[ "$index" -ge "$sentinel_index" ] || earlier="$earlier ${peer%:*}"
		index=$((index + 1))
	done
	awk -v nodes="$data_nodes" -v earlier="$earlier" -v absent=" ${absent-} " '
		function missing(at) { return state[at] != "ok" && !index(absent, " " substr(at, 1, index(at, ":") - 1) " ") }
		function take() {
			if (!("flags" in v)) return
			# What it reports of itself is asked for every 10 s only: it counts for the master, the rest say it themselves.
			ok = v["flags"] !~ /s_down|o_down|disconnected/ && (type != "master" || v["role-reported"] == type)
			at = v["ip"] ":" v["port"]
			state[at] = ok ? "ok" : v["flags"]
			if (type == "master") { master = at; flags = v["flags"]; good = ok; role = v["role-reported"] }
		}
		/^(ERR|NOAUTH|NOPERM|WRONGPASS|DENIED)/ { refused = $0 }
		key == "" { if ($0 == "name") { take(); split("", v) } key = $0; next }
		{ v[key] = $0; if (key == "flags") type = /master/ ? "master" : /sentinel/ ? "sentinel" : "slave"; key = "" }
		END {
			take()
			if (master == "") { print refused != "" ? "refused: " refused : "not answering"; exit 1 }
			if (!good) { print "master " master " is not well: flags " flags ", role " role; exit 1 }
			n = split(nodes, want, " "); m = split(earlier, list, " ")
			for (i = 1; i <= n; i++) if (missing(want[i])) { print "data node " want[i] " is not seen well: " state[want[i]]; exit 1 }
			for (i = 1; i <= m; i++) if (missing(list[i])) { print "Sentinel " list[i] " is not seen: " state[list[i]]; exit 1 }
			print "watching " master ", with " n " data nodes and " m " earlier Sentinels up"
		}' "$work/$node"
}
