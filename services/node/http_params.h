// Parameters of HTTP requests, read into requests of the API. What is wrong with one becomes a
// violation of its name.
#ifndef KINDRED_NODE_HTTP_PARAMS_H_
#define KINDRED_NODE_HTTP_PARAMS_H_

#include <httplib.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "kindred/v1/insight.pb.h"
#include "kindred/v1/recommendation.pb.h"
#include "node/request_error.h"

namespace kindred::node {

// Repeated parameters and comma-separated lists mean the same.
std::vector<std::string> ListParam(const httplib::Request& request, const char* name);
// `n`, where there is one.
void ReadCount(const httplib::Request& request, RequestCheck* check,
               const std::function<void(int32_t)>& set);
// Every value of `name`.
void EachParam(const httplib::Request& request, const char* name, RequestCheck* check,
               const std::function<absl::Status(const std::string&)>& read);
void ReadFilter(const httplib::Request& request, RequestCheck* check, v1::ItemFilter* filter);
void ReadControls(const httplib::Request& in, RequestCheck* check, v1::RecommendRequest* request);
v1::SeriesStep ReadStep(const httplib::Request& request, RequestCheck* check);
v1::SeriesMeasure ReadMeasure(const httplib::Request& request, RequestCheck* check);

}  // namespace kindred::node

#endif  // KINDRED_NODE_HTTP_PARAMS_H_
