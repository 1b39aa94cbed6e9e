#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

/// Swift calls no function with a list of arguments: one pair of it.
static inline rd_kafka_resp_err_t mock_broker_push_request_error_rtt(
    rd_kafka_mock_cluster_t *cluster, int32_t broker, int16_t api, rd_kafka_resp_err_t error,
    int rtt_ms) {
  return rd_kafka_mock_broker_push_request_error_rtts(cluster, broker, api, 1, error, rtt_ms);
}
