#if TEST_SWITCHES
  import CRdKafka

  extension KafkaProducer {
    /// Makes librdkafka believe that it failed for good, as the idempotent producer may (K1).
    public func failForTest() {
      rd_kafka_test_fatal_error(
        client, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "brought about by a test")
    }
  }
#endif
