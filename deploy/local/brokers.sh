# shellcheck shell=bash
# Three brokers of the Apache Kafka in KAFKA_HOME (up --brokers 3): parts kafka1, kafka2 and kafka3, each a KRaft broker and
# controller. What they share is in $dir/kafka: their ports, kept for good, since each knows the others'.
# About 330 MB each, up after 10 to 15 s on 2 cores.
#
# Brokers call each other by name, kafka-1 to kafka-3, and each JVM has a hosts file of its own. So that one can be cut off
# from the others without root, STACK_KAFKA_LINKS=yes makes node I look for node J at 127.0.I.J, where a test listens and
# passes on to 127.0.0.1, same port, or does not; and clients that come in by the listener DETOUR are sent
# to node J at 127.0.100.J. The test must know the ports beforehand: STACK_KAFKA_PORTS.

# Client, detour, broker and controller port of each node, one node a line.
brokers_prepare() {
  local node
  [[ -n ${KAFKA_HOME:-} ]] || die "--brokers 3 needs KAFKA_HOME"
  kafka_node_prepare
  echo "${STACK_KAFKA_LINKS:-no}" >"$dir/kafka/links"
  echo "${partitions:-16}" >"$dir/kafka/partitions"
  if [[ -n ${STACK_KAFKA_PORTS:-} ]]; then
    # shellcheck disable=SC2086 # twelve words
    printf '%s %s %s %s\n' $STACK_KAFKA_PORTS
  else
    for node in 1 2 3; do echo "$(free_port) $(free_port) $(free_port) $(free_port)"; done
  fi >"$dir/kafka/ports"
  for node in 1 2 3; do
    rm -rf "${dir:?}/kafka$node"
    mkdir "$dir/kafka$node"
    broker_port "$node" 1 >"$dir/kafka$node/port"
    broker_hosts "$node" >"$dir/kafka$node/hosts"
    broker_properties "$node" >"$dir/kafka$node/server.properties"
    touch "$dir/kafka$node/prepared"
  done
  for node in 1 2 3; do kafka_format "kafka$node" & done
  for node in 1 2 3; do wait -n || die "a broker's folder cannot be formatted: $dir/kafka?/log"; done
  echo brokers >"$dir/kafka/kind"
}

broker_port() { # NODE COLUMN
  awk -v node="$1" -v column="$2" 'NR == node { print $column }' "$dir/kafka/ports"
}

# Where a node finds the others.
broker_hosts() { # NODE
  local other
  echo "127.0.0.1 localhost $(uname -n)"
  for other in 1 2 3; do
    if [[ $other == "$1" || $(cat "$dir/kafka/links") != yes ]]; then
      echo "127.0.0.1 kafka-$other"
    else
      echo "127.0.$1.$other kafka-$other"
    fi
  done
}

broker_properties() { # NODE
  local client detour broker control detour_host=127.0.0.1
  read -r client detour broker control < <(sed -n "$1p" "$dir/kafka/ports")
  if [[ $(cat "$dir/kafka/links") == yes ]]; then detour_host=127.0.100.$1; fi
  cat <<TEXT
process.roles=broker,controller
node.id=$1
controller.quorum.voters=1@kafka-1:$(broker_port 1 4),2@kafka-2:$(broker_port 2 4),3@kafka-3:$(broker_port 3 4)
listeners=CLIENT://127.0.0.1:$client,DETOUR://127.0.0.1:$detour,BROKER://127.0.0.1:$broker,CONTROLLER://127.0.0.1:$control
advertised.listeners=CLIENT://127.0.0.1:$client,DETOUR://$detour_host:$detour,BROKER://kafka-$1:$broker,CONTROLLER://kafka-$1:$control
listener.security.protocol.map=CLIENT:PLAINTEXT,DETOUR:PLAINTEXT,BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=BROKER
controller.listener.names=CONTROLLER
log.dirs=$dir/kafka$1/data
default.replication.factor=3
min.insync.replicas=2
offsets.topic.replication.factor=3
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
share.coordinator.state.topic.replication.factor=3
share.coordinator.state.topic.min.isr=2
TEXT
  kafka_common_properties
}

broker_launch() { # PART
  export KAFKA_HEAP_OPTS=${KAFKA_HEAP_OPTS:--Xmx256m -Xms64m} LOG_DIR=$dir/$1/logs
  export KAFKA_JVM_PERFORMANCE_OPTS='-XX:+UseSerialGC -XX:TieredStopAtLevel=1'
  export KAFKA_OPTS="-Djdk.net.hosts.file=$dir/$1/hosts"
  launch_server "$1" "$KAFKA_HOME/bin/kafka-server-start.sh" "$dir/$1/server.properties"
}

# Ready is: it serves, and knows itself as one of those that do.
broker_is_ready() { # PART
  [[ $(kafka_nodes "$(cat "$dir/$1/port")") == *${1#kafka}* ]]
}

# When all end, the last would wait for ever for somebody to hand its partitions to. What was acknowledged is
# in the files either way.
broker_stop_signal() {
  if [[ $command == down ]]; then echo KILL; else echo TERM; fi
}

# All at once, for two of them must be there before one of them serves.
start_brokers() {
  local node
  if [[ ! -e $dir/kafka/kind ]]; then brokers_prepare; fi
  [[ $(kafka_kind) == brokers ]] || die "$dir has a Kafka of one node already"
  for node in 1 2 3; do
    if ! is_running "kafka$node"; then
      started+=("kafka$node")
      broker_launch "kafka$node"
    fi
  done
  for node in 1 2 3; do
    await_ready "kafka$node" 90 broker_knows_all "kafka$node" || {
      explain "kafka$node" "did not start"
      exit 1
    }
  done
}

broker_knows_all() { # PART
  [[ $(kafka_nodes "$(cat "$dir/$1/port")" | sort | xargs) == "1 2 3" ]]
}

brokers_environment() {
  local node
  variable SLIDING_STOCK_KAFKA_BOOTSTRAP "$(brokers_at 1)"
  variable SLIDING_STOCK_KAFKA_PARTITIONS "$(cat "$dir/kafka/partitions")"
  variable SLIDING_STOCK_KAFKA_REPLICATION 3
  variable SLIDING_STOCK_KAFKA_MIN_INSYNC_REPLICAS 2
  variable STACK_KAFKA_KIND brokers
  variable STACK_KAFKA_NAME "$(cat "$dir/kafka/name"), 3 brokers"
  for node in 1 2 3; do variable "STACK_KAFKA${node}_PID" "$(pid_of "kafka$node")"; done
}

# The three addresses of one kind of listener, joined by commas.
brokers_at() { # COLUMN
  awk -v column="$1" '{ printf "%s127.0.0.1:%s", (NR > 1 ? "," : ""), $column }' "$dir/kafka/ports"
}
