#include "cli/audiences_command.h"

#include <cstdio>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/client.h"
#include "kindred/v1/audience.grpc.pb.h"

namespace kindred::cli {
namespace {

struct Options {
  ClientOptions client;
  std::string name;
  std::string customer;
};

void Put(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void PrintClause(const v1::Clause& clause, int depth) {
  const std::string indent(static_cast<size_t>(depth) * 2, ' ');
  if (clause.parts().empty()) {
    std::string values;
    for (const v1::ClauseOperand& operand : clause.operands()) {
      absl::StrAppend(&values, values.empty() ? "   # " : ", ", operand.text(), " = ",
                      operand.value());
    }
    Put(absl::StrCat(indent, clause.value() ? "yes  " : "no   ", clause.text(), values, "\n"));
    return;
  }
  Put(absl::StrCat(indent, clause.value() ? "yes  " : "no   ",
                   clause.parts_size() == 1 ? "not:" : "of:", "\n"));
  for (const v1::Clause& part : clause.parts()) PrintClause(part, depth + 1);
}

void AddList(CLI::App* audiences) {
  auto options = std::make_shared<Options>();
  CLI::App* command = audiences->add_subcommand("list", "Show all audiences with their sizes");
  AddClientOptions(command, &options->client);
  command->callback([options] {
    v1::ListAudiencesResponse response;
    grpc::ClientContext context;
    SetDeadline(options->client, &context);
    Check(v1::AudienceService::NewStub(Connect(options->client))
              ->ListAudiences(&context, {}, &response),
          options->client);
    if (options->client.json) return Put(MessageJson(response, false));
    if (response.audiences().empty()) return Put("the rules define no audiences\n");
    for (const v1::Audience& audience : response.audiences()) {
      Put(absl::StrFormat("%-40s %10d members, %d entered, %d left\n    %s\n", audience.name(),
                          audience.member_count(), audience.entered_count(), audience.left_count(),
                          audience.expression()));
    }
  });
}

void AddMembers(CLI::App* audiences) {
  auto options = std::make_shared<Options>();
  CLI::App* command = audiences->add_subcommand("members", "Print the ids of all members");
  command->add_option("audience", options->name, "The audience's name")->required();
  AddClientOptions(command, &options->client);
  command->callback([options] {
    v1::StreamMembersRequest request;
    request.set_name(absl::StrCat("audiences/", options->name));
    grpc::ClientContext context;
    const auto stub = v1::AudienceService::NewStub(Connect(options->client));
    const auto reader = stub->StreamMembers(&context, request);
    v1::AudienceMember member;
    while (reader->Read(&member)) {
      Put(options->client.json ? MessageJson(member, true) : member.customer_id());
      Put("\n");
    }
    Check(reader->Finish(), options->client);
  });
}

void AddExplain(CLI::App* audiences) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      audiences->add_subcommand("explain", "Show why a customer is in an audience, or not");
  command->add_option("audience", options->name, "The audience's name")->required();
  command->add_option("customer", options->customer, "The customer's id")->required();
  AddClientOptions(command, &options->client);
  command->callback([options] {
    v1::ExplainMembershipRequest request;
    request.set_name(absl::StrCat("audiences/", options->name));
    request.set_customer_id(options->customer);
    v1::Membership response;
    grpc::ClientContext context;
    SetDeadline(options->client, &context);
    Check(v1::AudienceService::NewStub(Connect(options->client))
              ->ExplainMembership(&context, request, &response),
          options->client);
    if (options->client.json) return Put(MessageJson(response, false));
    Put(absl::StrCat(response.customer_id(), response.member() ? " is" : " is not", " in ",
                     options->name, "\n"));
    PrintClause(response.clause(), 1);
  });
}

}  // namespace

void AddAudiencesCommand(CLI::App& app) {
  CLI::App* command = app.add_subcommand("audiences", "Show audiences, their members, and why");
  command->footer(
      "Example:\n  kindred audiences list\n  kindred audiences members lapsing-tea\n"
      "  kindred audiences explain lapsing-tea u-7");
  command->require_subcommand(1);
  AddList(command);
  AddMembers(command);
  AddExplain(command);
}

}  // namespace kindred::cli
