# shellcheck shell=bash
# Kafka, one of three (the kind is chosen once, when the part is made): a cluster that is there already
# (external), one KRaft node of an Apache Kafka (kafka), or librdkafka's mock cluster (mock). Three nodes: brokers.sh.

kafka_kind() { cat "$dir/kafka/kind"; }

kafka_prepare() {
  local name
  echo "${partitions:-16}" >"$dir/kafka/partitions"
  if [[ -n ${KAFKA_BOOTSTRAP_SERVERS:-} ]]; then
    echo external >"$dir/kafka/kind"
    echo "Kafka at $KAFKA_BOOTSTRAP_SERVERS" >"$dir/kafka/name"
    echo "$KAFKA_BOOTSTRAP_SERVERS" >"$dir/kafka/bootstrap"
    # Topics and a group of this stack alone: what an earlier one left there is not this database's past.
    name=local-$(date -u +%Y%m%d-%H%M%S)-$RANDOM
    echo "stock.events.$name" >"$dir/kafka/topic"
    echo "stock.control.$name" >"$dir/kafka/control-topic"
  elif [[ -n ${KAFKA_HOME:-} ]]; then
    kafka_node_prepare
    echo kafka >"$dir/kafka/kind"
    echo "${STACK_KAFKA_DETOUR:-}" >"$dir/kafka/detour"
  else
    mock_binary >/dev/null
    # It forgets the oldest beyond 5 MB a partition, about 40,000 claims: many partitions hold more.
    if [[ -z $partitions ]]; then echo 64 >"$dir/kafka/partitions"; fi
    echo mock >"$dir/kafka/kind"
    echo "${STACK_MOCK_BROKERS:-1}" >"$dir/kafka/mock-brokers"
    echo "librdkafka mock cluster" >"$dir/kafka/name"
    printf '%s\n' "stock.events:$(cat "$dir/kafka/partitions")" stock.control:1 >"$dir/kafka/topics"
  fi
}

kafka_launch() {
  case $(kafka_kind) in
    # Nothing of ours: a sleeper stands for it, so that the other commands need not know.
    external) launch_server kafka sleep infinity ;;
    kafka) kafka_node_launch ;;
    mock)
      rm -f "$dir/kafka/bootstrap" "$dir/kafka/command"
      launch_server kafka "$(mock_binary)" --topics "$dir/kafka/topics" --bootstrap "$dir/kafka/bootstrap" \
        --brokers "$(cat "$dir/kafka/mock-brokers" 2>/dev/null || echo 1)" --commands "$dir/kafka/command"
      ;;
  esac
}

kafka_is_ready() {
  case $(kafka_kind) in
    external) true ;;
    kafka) [[ $(kafka_nodes "$(cat "$dir/kafka/port")") == 1 ]] ;;
    mock) [[ -s $dir/kafka/bootstrap ]] ;;
  esac
}

# The nodes that serve, unfenced, as the one on that port knows them: an id a line. Asked with a Metadata request,
# version 1 without topics, written by hand: Kafka's own tools take a second and a JVM for each question.
kafka_nodes() { # PORT
  local reply count node
  (
    exec 2>/dev/null 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
    # size 19, key 3, version 1, correlation 7, client "stack", 0 topics
    printf '\0\0\0\023\0\003\0\001\0\0\0\007\0\005stack\0\0\0\0' >&3
    # size, correlation, number of nodes
    reply=$(hex_bytes 12 <&3)
    [[ ${reply:8:8} == 00000007 ]] || exit 1
    count=$((16#${reply:16:8}))
    ((count <= 3)) || exit 1
    # of each: id, host (9 bytes long: 127.0.0.1), port, no rack
    for ((node = 0; node < count; node++)); do
      reply=$(hex_bytes 21 <&3)
      echo $((16#${reply:0:8}))
    done
  )
}

hex_bytes() { # COUNT
  timeout 2 head -c "$1" | od -An -v -w64 -tx1 | tr -d ' \n'
}

kafka_stop_signal() { echo TERM; }

kafka_version() {
  local version
  version=$(find "$KAFKA_HOME/libs/" -name 'kafka-clients-[0-9]*.jar' | sed 's/.*kafka-clients-//; s/\.jar$//' | head -n 1)
  echo "Apache Kafka ${version:-of unknown version}"
}

kafka_node_prepare() {
  local java
  [[ -x $KAFKA_HOME/bin/kafka-server-start.sh ]] || die "KAFKA_HOME=$KAFKA_HOME holds no bin/kafka-server-start.sh"
  java=java
  if [[ -n ${JAVA_HOME:-} ]]; then java=$JAVA_HOME/bin/java; fi
  command -v "$java" >/dev/null || die "Kafka needs Java 17 or later (Debian package openjdk-17-jre-headless)"
  kafka_version >"$dir/kafka/name"
  # A cluster id: 16 random bytes in base64 for URLs, never with a dash in front (an option, to Kafka's tools).
  echo "s$(head -c 16 /dev/urandom | base64 | tr '+/' '__' | cut -c 2-22)" >"$dir/kafka/cluster"
}

# Both ports are chosen anew together; a formatted folder keeps working, for it stores neither.
#
# With STACK_KAFKA_DETOUR=PORT clients that come in by that port of 127.0.0.1 are sent to the same port of 127.0.100.1,
# where a test listens and passes on what it wants to, as with three brokers (brokers.sh).
kafka_node_launch() {
  local port control detour listener='' advertised=''
  port=$(cat "$dir/kafka/port")
  if [[ ! -s $dir/kafka/control ]] || [[ ! -s $dir/kafka/bootstrap ]] ||
    [[ $(cat "$dir/kafka/bootstrap") != "127.0.0.1:$port" ]]; then
    free_port >"$dir/kafka/control"
  fi
  control=$(cat "$dir/kafka/control")
  echo "127.0.0.1:$port" >"$dir/kafka/bootstrap"
  detour=$(cat "$dir/kafka/detour" 2>/dev/null || true)
  if [[ -n $detour ]]; then
    listener=,DETOUR://127.0.0.1:$detour
    advertised=,DETOUR://127.0.100.1:$detour
  fi
  cat >"$dir/kafka/server.properties" <<TEXT
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$control
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$control$listener
advertised.listeners=PLAINTEXT://127.0.0.1:$port$advertised
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,DETOUR:PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs=$dir/kafka/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
TEXT
  kafka_common_properties >>"$dir/kafka/server.properties"
  export KAFKA_HEAP_OPTS=${KAFKA_HEAP_OPTS:--Xmx512m -Xms128m} LOG_DIR=$dir/kafka/logs
  kafka_format kafka || return 1
  launch_server kafka "$KAFKA_HOME/bin/kafka-server-start.sh" "$dir/kafka/server.properties"
}

# A broker that is gone is noticed soon, and so may a worker be.
kafka_common_properties() {
  cat <<'TEXT'
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
auto.create.topics.enable=false
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
TEXT
}

# Once: makes the data folder that the part's properties name.
kafka_format() { # PART
  [[ -e $dir/$1/data/meta.properties ]] ||
    LOG_DIR=$dir/$1/logs "$KAFKA_HOME/bin/kafka-storage.sh" format -t "$(cat "$dir/kafka/cluster")" \
      -c "$dir/$1/server.properties" >"$dir/$1/log" 2>&1 9>&-
}

# The mock's binary: the one that the caller names, one that is built, or built now.
mock_binary() {
  local binary
  for binary in "${STACK_MOCK_KAFKA:-}" "$project"/.build/{debug,release}/MockKafka; do
    if [[ -n $binary && -x $binary ]]; then
      echo "$binary"
      return
    fi
  done
  command -v swift >/dev/null || die "no Kafka: set KAFKA_BOOTSTRAP_SERVERS or KAFKA_HOME, or have Swift for the mock cluster"
  echo "stack: building the mock cluster" >&2
  swift build --package-path "$project" --product MockKafka >&2 9>&- || die "MockKafka does not build"
  echo "$project/.build/debug/MockKafka"
}

# Lets the mock cluster make one more topic: it reads its file of topics again and again.
command_topic() { # NAME PARTITIONS
  [[ $1 =~ ^[A-Za-z0-9._-]{1,200}$ && $2 =~ ^[1-9][0-9]{0,3}$ ]] || die "usage: stack topic NAME [PARTITIONS]"
  open_folder
  is_running kafka || die "no Kafka runs in $dir"
  [[ $(kafka_kind) == mock ]] || die "$(cat "$dir/kafka/name") takes topics from its clients"
  echo "$1:$2" >>"$dir/kafka/topics"
  await_ready kafka 10 grep -qxF "made $1:$2" "$dir/kafka/log" || {
    explain kafka "did not make topic $1"
    exit 1
  }
}

# Has the mock cluster do what no broker does on command, and prints what it says. One at a time: the folder is locked.
command_mock() { # WORD…
  local line="$$ $*" reply=$dir/kafka/command.reply
  [[ $line =~ ^[A-Za-z0-9._\ -]{1,900}$ ]] || die "usage: stack mock COMMAND… (see --help)"
  open_folder
  is_running kafka || die "no Kafka runs in $dir"
  [[ $(kafka_kind) == mock ]] || die "$(cat "$dir/kafka/name") takes no such commands"
  echo "$line" >"$dir/kafka/command.new"
  mv -f "$dir/kafka/command.new" "$dir/kafka/command"
  await_ready kafka 10 grep -sq "^$$ " "$reply" || {
    rm -f "$dir/kafka/command"
    explain kafka "did not answer: $*"
    exit 1
  }
  line=$(cat "$reply")
  rm -f "$reply"
  [[ $line == "$$ ok"* ]] || die "${line#"$$ "}"
  echo "${line#"$$ ok "}"
}

kafka_environment() {
  variable SLIDING_STOCK_KAFKA_BOOTSTRAP "$(cat "$dir/kafka/bootstrap")"
  variable SLIDING_STOCK_KAFKA_PARTITIONS "$(cat "$dir/kafka/partitions")"
  if [[ -s $dir/kafka/topic ]]; then
    variable SLIDING_STOCK_KAFKA_TOPIC "$(cat "$dir/kafka/topic")"
    variable SLIDING_STOCK_KAFKA_GROUP "$(cat "$dir/kafka/topic")"
    variable SLIDING_STOCK_KAFKA_CONTROL_TOPIC "$(cat "$dir/kafka/control-topic")"
  fi
  variable STACK_KAFKA_KIND "$(kafka_kind)"
  variable STACK_KAFKA_NAME "$(cat "$dir/kafka/name")"
  variable STACK_KAFKA_PID "$(pid_of kafka)"
}
