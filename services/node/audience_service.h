// AudienceService over gRPC.
#ifndef KINDRED_NODE_AUDIENCE_SERVICE_H_
#define KINDRED_NODE_AUDIENCE_SERVICE_H_

#include <grpcpp/grpcpp.h>

#include <memory>

#include "node/admission.h"
#include "node/audience_answers.h"
#include "telemetry/metrics.h"

namespace kindred::node {

// What is passed in must outlive it.
std::unique_ptr<grpc::Service> MakeAudienceService(const AudienceAnswers* answers,
                                                   Admission* admission,
                                                   telemetry::Registry* registry);

}  // namespace kindred::node

#endif  // KINDRED_NODE_AUDIENCE_SERVICE_H_
