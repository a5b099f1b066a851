#include "node/audience_answers.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "node/profile_view.h"
#include "node/request_error.h"

namespace kindred::node {
namespace {

const AudienceRule* FindAudience(const RuleSet& rules, absl::string_view name) {
  for (const AudienceRule& rule : rules.audiences) {
    if (rule.name == name) return &rule;
  }
  return nullptr;
}

absl::Status NoAudience(absl::string_view name) {
  return absl::NotFoundError(absl::StrCat("the rules define no audience \"", name, "\""));
}

void FillClause(const expression::Clause& from, v1::Clause* out) {
  out->set_text(from.text);
  out->set_value(from.value);
  for (const expression::Clause::Operand& operand : from.operands) {
    v1::ClauseOperand& to = *out->add_operands();
    to.set_text(operand.text);
    to.set_value(operand.value);
  }
  for (const expression::Clause& part : from.parts) FillClause(part, out->add_parts());
}

}  // namespace

CustomerContext ContextOf(const SharedState& shared, const PublishedSegments* segments,
                          const profile::Predictor* predictor, const RuleSet* rules,
                          const Percentiles* percentiles) {
  CustomerContext context;
  context.items = &shared.items.names();
  context.terms = &shared.terms.names();
  context.affinity_decay = &shared.affinity_decay;
  if (segments != nullptr) {
    context.segments = &segments->model;
    context.segment_labels = segments->labels;
  }
  context.predictor = predictor;
  context.rules = rules;
  context.percentiles = percentiles;
  return context;
}

void WriteTags(absl::string_view customer_id, const profile::Profile& profile,
               const SharedState& shared, const PublishedSegments* segments,
               const profile::Predictor* predictor, int64_t as_of_ms, WireBuffer* out) {
  const std::shared_ptr<const RuleSet> rules = shared.rules.rules();
  if (rules->tags.empty()) return;
  const std::shared_ptr<const Percentiles> percentiles = shared.rules.percentiles();
  CustomerRecord record(ContextOf(shared, segments, predictor, rules.get(), percentiles.get()));
  record.Look(customer_id, profile, std::max(as_of_ms, profile.last_seen_ms()));
  for (const size_t i : record.Tags()) {
    const size_t begin = out->BeginShort(v1::Profile::kTagsFieldNumber);
    out->String(v1::Tag::kNameFieldNumber, rules->tags[i].name);
    out->String(v1::Tag::kDescriptionFieldNumber, rules->tags[i].description);
    out->String(v1::Tag::kRuleFieldNumber, rules->tags[i].when.source());
    out->String(v1::Tag::kRulesVersionFieldNumber, rules->version);
    out->EndShort(begin);
  }
}

void AudienceAnswers::Fill(const AudienceRule& rule, v1::Audience* out) const {
  out->set_name(absl::StrCat("audiences/", rule.name));
  out->set_description(rule.description);
  out->set_expression(std::string(rule.when.source()));
  partitions_.ForEach([&](const PartitionSlot& slot) {
    for (const PartitionAudiences::Size& size : slot.state->audiences().Sizes()) {
      if (size.name != rule.name) continue;
      out->set_member_count(out->member_count() + static_cast<int64_t>(size.members));
      out->set_entered_count(out->entered_count() + static_cast<int64_t>(size.entered));
      out->set_left_count(out->left_count() + static_cast<int64_t>(size.left));
    }
  });
}

absl::Status AudienceAnswers::List(const v1::ListAudiencesRequest&,
                                   v1::ListAudiencesResponse* response) const {
  const std::shared_ptr<const RuleSet> rules = shared_.rules.rules();
  response->set_rules_version(rules->version);
  for (const AudienceRule& rule : rules->audiences) Fill(rule, response->add_audiences());
  return absl::OkStatus();
}

absl::Status AudienceAnswers::Check(absl::string_view name) const {
  RequestCheck check;
  const absl::string_view id = IdOfName(name, "audiences", "name", &check);
  KINDRED_RETURN_IF_ERROR(check.status());
  return FindAudience(*shared_.rules.rules(), id) == nullptr ? NoAudience(id) : absl::OkStatus();
}

absl::Status AudienceAnswers::Get(const v1::GetAudienceRequest& request,
                                  v1::Audience* audience) const {
  RequestCheck check;
  const absl::string_view id = IdOfName(request.name(), "audiences", "name", &check);
  KINDRED_RETURN_IF_ERROR(check.status());
  const std::shared_ptr<const RuleSet> rules = shared_.rules.rules();
  const AudienceRule* rule = FindAudience(*rules, id);
  if (rule == nullptr) return NoAudience(id);
  Fill(*rule, audience);
  return absl::OkStatus();
}

absl::Status AudienceAnswers::Explain(const v1::ExplainMembershipRequest& request,
                                      v1::Membership* membership) const {
  RequestCheck check;
  const absl::string_view id = IdOfName(request.name(), "audiences", "name", &check);
  if (request.customer_id().empty()) check.Violation("customer_id", "must not be empty");
  KINDRED_RETURN_IF_ERROR(check.status());
  const std::shared_ptr<const RuleSet> rules = shared_.rules.rules();
  const AudienceRule* rule = FindAudience(*rules, id);
  if (rule == nullptr) return NoAudience(id);
  const std::shared_ptr<const PublishedSegments> segments =
      learner_ == nullptr ? nullptr : learner_->Current();
  const std::shared_ptr<const Percentiles> percentiles = shared_.rules.percentiles();
  const std::shared_ptr<const profile::Predictor> predictor =
      predictions_ == nullptr ? nullptr : predictions_->Current();
  CustomerRecord record(
      ContextOf(shared_, segments.get(), predictor.get(), rules.get(), percentiles.get()));
  const int64_t now_ms = partitions_.newest_event_ms();
  const std::string& customer = request.customer_id();
  const uint64_t hash = profile::CustomerMap::Hash(customer);
  const PartitionId home = partitions_.Home(customer);
  KINDRED_RETURN_IF_ERROR(partitions_.Ready(home));
  const Partition& partition = *partitions_.slot(home).state;
  const auto explain = [&](const profile::Profile& profile, const CustomerParts&) {
    record.Look(customer, profile, now_ms);
    const expression::Outcome outcome = rule->when.Test(record, now_ms);
    membership->set_matches(outcome.value);
    if (outcome.until_ms != expression::kForever) {
      SetTime(outcome.until_ms, membership->mutable_next_change_time());
    }
    FillClause(rule->when.Explain(record, now_ms), membership->mutable_clause());
  };
  KINDRED_ASSIGN_OR_RETURN(const bool found, reader_.Visit(customer, explain));
  if (!found) {
    return absl::NotFoundError(
        absl::StrCat("no event of customer \"", customer, "\" has been applied"));
  }
  membership->set_name(request.name());
  membership->set_customer_id(customer);
  membership->set_member(
      partition.audiences().Contains(hash, partition.audiences().SlotOf(rule->name)));
  SetTime(now_ms, membership->mutable_as_of_time());
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> AudienceAnswers::Members(absl::string_view audience_name,
                                                                  size_t limit,
                                                                  Cursor* cursor) const {
  RequestCheck check;
  const absl::string_view audience = IdOfName(audience_name, "audiences", "name", &check);
  KINDRED_RETURN_IF_ERROR(check.status());
  std::vector<std::string> members;
  for (; cursor->partition < partitions_.count(); ++cursor->partition, cursor->last_id.clear()) {
    const PartitionId id(cursor->partition);
    if (partitions_.slot(id).ownership.load() == Ownership::kNever) continue;
    const PartitionAudiences& audiences = partitions_.slot(id).state->audiences();
    const int slot = audiences.SlotOf(audience);
    if (slot < 0) continue;
    const absl::Status status = store_.ForEach(
        store::Table::kAudience, id,
        [&](absl::string_view customer, absl::string_view) -> absl::Status {
          if (customer == cursor->last_id) return absl::OkStatus();
          if (members.size() == limit) return absl::CancelledError();
          cursor->last_id = std::string(customer);
          if (audiences.Contains(profile::CustomerMap::Hash(customer), slot)) {
            members.emplace_back(customer);
          }
          return absl::OkStatus();
        },
        nullptr, cursor->last_id);
    if (absl::IsCancelled(status)) return members;
    KINDRED_RETURN_IF_ERROR(status);
  }
  return members;
}

}  // namespace kindred::node
