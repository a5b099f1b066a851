#include "stream/kafka_status.h"

#include <algorithm>
#include <initializer_list>

#include "absl/strings/str_cat.h"

namespace kindred::stream {
namespace {

using Code = absl::StatusCode;

// Names without the prefix RD_KAFKA_RESP_ERR_.
#define K(name) RD_KAFKA_RESP_ERR_##name

struct Row {
  Code code;
  std::initializer_list<rd_kafka_resp_err_t> errors;
};

const Row kRows[] = {
    {Code::kOk, {K(NO_ERROR)}},

    // This record, request or setting will never be accepted.
    {Code::kInvalidArgument,
     {K(_INVALID_ARG),
      K(_KEY_SERIALIZATION),
      K(_VALUE_SERIALIZATION),
      K(_KEY_DESERIALIZATION),
      K(_VALUE_DESERIALIZATION),
      K(_INVALID_TYPE),
      K(_NOT_CONFIGURED),
      K(_UNKNOWN_PROTOCOL),
      K(_UNSUPPORTED_FEATURE),
      K(_NOT_IMPLEMENTED),
      K(INVALID_MSG_SIZE),
      K(MSG_SIZE_TOO_LARGE),
      K(OFFSET_METADATA_TOO_LARGE),
      K(TOPIC_EXCEPTION),
      K(RECORD_LIST_TOO_LARGE),
      K(INVALID_REQUIRED_ACKS),
      K(INCONSISTENT_GROUP_PROTOCOL),
      K(INVALID_GROUP_ID),
      K(INVALID_SESSION_TIMEOUT),
      K(INVALID_COMMIT_OFFSET_SIZE),
      K(INVALID_TIMESTAMP),
      K(UNSUPPORTED_SASL_MECHANISM),
      K(UNSUPPORTED_VERSION),
      K(INVALID_PARTITIONS),
      K(INVALID_REPLICATION_FACTOR),
      K(INVALID_REPLICA_ASSIGNMENT),
      K(INVALID_CONFIG),
      K(INVALID_REQUEST),
      K(UNSUPPORTED_FOR_MESSAGE_FORMAT),
      K(POLICY_VIOLATION),
      K(INVALID_TRANSACTION_TIMEOUT),
      K(SECURITY_DISABLED),
      K(DELEGATION_TOKEN_AUTH_DISABLED),
      K(DELEGATION_TOKEN_OWNER_MISMATCH),
      K(DELEGATION_TOKEN_REQUEST_NOT_ALLOWED),
      K(INVALID_PRINCIPAL_TYPE),
      K(TOPIC_DELETION_DISABLED),
      K(UNSUPPORTED_COMPRESSION_TYPE),
      K(INVALID_RECORD),
      K(UNACCEPTABLE_CREDENTIAL),
      K(INVALID_UPDATE_VERSION),
      K(PRINCIPAL_DESERIALIZATION_FAILURE)}},

    {Code::kAlreadyExists,
     {K(TOPIC_ALREADY_EXISTS), K(DUPLICATE_RESOURCE), K(_EXISTING_SUBSCRIPTION)}},

    {Code::kNotFound,
     {K(_UNKNOWN_PARTITION), K(_UNKNOWN_TOPIC), K(_UNKNOWN_GROUP), K(_NOENT), K(_NO_OFFSET),
      K(_UNKNOWN_BROKER), K(UNKNOWN_TOPIC_OR_PART), K(DELEGATION_TOKEN_NOT_FOUND),
      K(GROUP_ID_NOT_FOUND), K(RESOURCE_NOT_FOUND)}},

    {Code::kOutOfRange, {K(OFFSET_OUT_OF_RANGE), K(_AUTO_OFFSET_RESET)}},

    {Code::kResourceExhausted,
     {K(_QUEUE_FULL), K(_CRIT_SYS_RESOURCE), K(GROUP_MAX_SIZE_REACHED),
      K(THROTTLING_QUOTA_EXCEEDED)}},

    {Code::kUnauthenticated,
     {K(_AUTHENTICATION), K(ILLEGAL_SASL_STATE), K(SASL_AUTHENTICATION_FAILED),
      K(DELEGATION_TOKEN_EXPIRED)}},
    {Code::kPermissionDenied,
     {K(TOPIC_AUTHORIZATION_FAILED), K(GROUP_AUTHORIZATION_FAILED), K(CLUSTER_AUTHORIZATION_FAILED),
      K(TRANSACTIONAL_ID_AUTHORIZATION_FAILED), K(DELEGATION_TOKEN_AUTHORIZATION_FAILED)}},

    {Code::kDeadlineExceeded,
     {K(_MSG_TIMED_OUT), K(_TIMED_OUT), K(_TIMED_OUT_QUEUE), K(REQUEST_TIMED_OUT)}},

    // The group or a transaction moved on meanwhile: begin again.
    {Code::kAborted,
     {K(_DESTROY), K(_IN_PROGRESS), K(_PREV_IN_PROGRESS), K(_ASSIGN_PARTITIONS),
      K(_REVOKE_PARTITIONS), K(_OUTDATED), K(_INTR), K(_PURGE_QUEUE), K(_PURGE_INFLIGHT),
      K(_MAX_POLL_EXCEEDED), K(_ASSIGNMENT_LOST), K(ILLEGAL_GENERATION), K(UNKNOWN_MEMBER_ID),
      K(REBALANCE_IN_PROGRESS), K(MEMBER_ID_REQUIRED), K(CONCURRENT_TRANSACTIONS),
      K(OPERATION_NOT_ATTEMPTED), K(NON_EMPTY_GROUP), K(GROUP_SUBSCRIBED_TO_TOPIC)}},

    // Brokers away, starting, or moving leadership; includes SSL, whose errors are often transient.
    {Code::kUnavailable,
     {K(_TRANSPORT),
      K(_RESOLVE),
      K(_ALL_BROKERS_DOWN),
      K(_ISR_INSUFF),
      K(_NODE_UPDATE),
      K(_SSL),
      K(_WAIT_COORD),
      K(_WAIT_CACHE),
      K(_RETRY),
      K(_PARTITION_EOF),
      K(_PARTIAL),
      K(_NOOP),
      K(UNKNOWN),
      K(LEADER_NOT_AVAILABLE),
      K(NOT_LEADER_FOR_PARTITION),
      K(BROKER_NOT_AVAILABLE),
      K(REPLICA_NOT_AVAILABLE),
      K(STALE_CTRL_EPOCH),
      K(NETWORK_EXCEPTION),
      K(COORDINATOR_LOAD_IN_PROGRESS),
      K(COORDINATOR_NOT_AVAILABLE),
      K(NOT_COORDINATOR),
      K(NOT_ENOUGH_REPLICAS),
      K(NOT_ENOUGH_REPLICAS_AFTER_APPEND),
      K(NOT_CONTROLLER),
      K(KAFKA_STORAGE_ERROR),
      K(LOG_DIR_NOT_FOUND),
      K(REASSIGNMENT_IN_PROGRESS),
      K(NO_REASSIGNMENT_IN_PROGRESS),
      K(FETCH_SESSION_ID_NOT_FOUND),
      K(INVALID_FETCH_SESSION_EPOCH),
      K(LISTENER_NOT_FOUND),
      K(FENCED_LEADER_EPOCH),
      K(UNKNOWN_LEADER_EPOCH),
      K(STALE_BROKER_EPOCH),
      K(OFFSET_NOT_AVAILABLE),
      K(PREFERRED_LEADER_NOT_AVAILABLE),
      K(ELIGIBLE_LEADERS_NOT_AVAILABLE),
      K(ELECTION_NOT_NEEDED),
      K(UNSTABLE_OFFSET_COMMIT),
      K(FEATURE_UPDATE_FAILED)}},

    // Bytes that do not match their checksum.
    {Code::kDataLoss, {K(_BAD_MSG), K(_BAD_COMPRESSION), K(_UNDERFLOW), K(INVALID_MSG)}},

    // The client handle is no longer usable, or we used it wrongly.
    {Code::kInternal,
     {K(_FAIL),
      K(_FS),
      K(_CONFLICT),
      K(_STATE),
      K(_READ_ONLY),
      K(_FATAL),
      K(_INCONSISTENT),
      K(_GAPLESS_GUARANTEE),
      K(_FENCED),
      K(_APPLICATION),
      K(OUT_OF_ORDER_SEQUENCE_NUMBER),
      K(DUPLICATE_SEQUENCE_NUMBER),
      K(INVALID_PRODUCER_EPOCH),
      K(INVALID_TXN_STATE),
      K(INVALID_PRODUCER_ID_MAPPING),
      K(TRANSACTION_COORDINATOR_FENCED),
      K(UNKNOWN_PRODUCER_ID),
      K(FENCED_INSTANCE_ID),
      K(PRODUCER_FENCED),
      K(INCONSISTENT_VOTER_SET)}},
};
#undef K

}  // namespace

std::optional<absl::StatusCode> KafkaStatusCode(rd_kafka_resp_err_t error) {
  for (const Row& row : kRows) {
    if (std::find(row.errors.begin(), row.errors.end(), error) != row.errors.end()) return row.code;
  }
  return std::nullopt;
}

absl::Status KafkaStatus(rd_kafka_resp_err_t error, absl::string_view what) {
  const Code code = KafkaStatusCode(error).value_or(Code::kUnavailable);
  if (code == Code::kOk) return absl::OkStatus();
  return absl::Status(
      code, absl::StrCat(what, ": ", rd_kafka_err2str(error), " (", rd_kafka_err2name(error), ")"));
}

}  // namespace kindred::stream
