// AudienceService over gRPC.
#ifndef KINDRED_NODE_AUDIENCE_SERVICE_H_
#define KINDRED_NODE_AUDIENCE_SERVICE_H_

#include <grpcpp/grpcpp.h>

#include <memory>

#include "node/audience_answers.h"

namespace kindred::node {

// `answers` must outlive it.
std::unique_ptr<grpc::Service> MakeAudienceService(const AudienceAnswers* answers);

}  // namespace kindred::node

#endif  // KINDRED_NODE_AUDIENCE_SERVICE_H_
