#include "cli/identity_command.h"

#include <cstdio>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "cli/client.h"
#include "google/protobuf/util/time_util.h"
#include "kindred/v1/identity.grpc.pb.h"

namespace kindred::cli {
namespace {

using ::google::protobuf::util::TimeUtil;

struct IdentityOptions {
  ClientOptions client;
  std::string id;
  std::string other;
};

void Print(const v1::CustomerIdentity& identity, const ClientOptions& options) {
  if (options.json) {
    std::printf("%s", MessageJson(identity, false).c_str());
    return;
  }
  for (const v1::LinkedId& id : identity.ids()) {
    std::printf("%-10s %s\n", id.kind().c_str(), id.id().c_str());
  }
  for (const v1::IdLink& link : identity.links()) {
    std::printf("%s: %s - %s", link.state().c_str(), link.from_id().c_str(), link.to_id().c_str());
    if (link.has_first_linked_time()) {
      std::printf(", %s since %s%s%s", link.cause().c_str(),
                  TimeUtil::ToString(link.first_linked_time()).c_str(),
                  link.first_event_id().empty() ? "" : " by event ", link.first_event_id().c_str());
    }
    if (link.has_unlinked_time()) {
      std::printf(", undone %s%s%s", TimeUtil::ToString(link.unlinked_time()).c_str(),
                  link.unlinked_event_id().empty() ? "" : " by event ",
                  link.unlinked_event_id().c_str());
    }
    std::printf("\n");
  }
  for (const std::string& id : identity.unavailable_ids()) {
    std::printf("not on this node now, so missing from the profile: %s\n", id.c_str());
  }
  if (identity.too_many_ids()) std::printf("too many ids hang together: they stand alone\n");
}

void AddShow(CLI::App* parent) {
  auto options = std::make_shared<IdentityOptions>();
  CLI::App* command = parent->add_subcommand("show", "Show the ids of a customer and their links");
  command->footer("Example:\n  kindred identity show u-7");
  command->add_option("customer", options->id, "Any id of the customer")->required();
  AddClientOptions(command, &options->client);
  command->callback([options] {
    v1::GetIdentityRequest request;
    request.set_name(absl::StrCat("profiles/", options->id));
    v1::CustomerIdentity identity;
    grpc::ClientContext context;
    SetDeadline(options->client, &context);
    Check(v1::IdentityService::NewStub(Connect(options->client))
              ->GetIdentity(&context, request, &identity),
          options->client);
    Print(identity, options->client);
  });
}

void AddUnlink(CLI::App* parent) {
  auto options = std::make_shared<IdentityOptions>();
  CLI::App* command =
      parent->add_subcommand("unlink", "Say that two linked ids are not one customer");
  command->footer(
      "Nothing is lost: both ids keep their own events. Later evidence links them again.\n"
      "Example:\n  kindred identity unlink u-7 browser-93");
  command->add_option("customer", options->id, "One of the ids")->required();
  command->add_option("other", options->other, "The other id")->required();
  AddClientOptions(command, &options->client);
  command->callback([options] {
    v1::UnlinkIdsRequest request;
    request.set_name(absl::StrCat("profiles/", options->id));
    request.set_other_id(options->other);
    v1::CustomerIdentity identity;
    grpc::ClientContext context;
    SetDeadline(options->client, &context);
    Check(v1::IdentityService::NewStub(Connect(options->client))
              ->UnlinkIds(&context, request, &identity),
          options->client);
    Print(identity, options->client);
  });
}

}  // namespace

void AddIdentityCommand(CLI::App& app) {
  CLI::App* command = app.add_subcommand("identity", "Show and undo links between ids");
  command->require_subcommand(1);
  AddShow(command);
  AddUnlink(command);
}

}  // namespace kindred::cli
