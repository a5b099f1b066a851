#include "absl/strings/str_cat.h"
#include "recommend/recommender.h"

namespace kindred::recommend {

absl::string_view SourceName(Source source) {
  switch (source) {
    case Source::kSimilar:
      return "similar";
    case Source::kNext:
      return "next";
    case Source::kReminder:
      return "reminder";
    case Source::kRepeat:
      return "repeat";
    case Source::kPopular:
      return "popular";
    case Source::kRule:
      return "rule";
    case Source::kContent:
      return "content";
  }
  return "";
}

std::string Sentence(const Reason& reason, const std::function<std::string(ItemId)>& item_words,
                     const std::function<std::string(TermId)>& term_words) {
  const auto items = [&] {
    std::string words = item_words(reason.items[0]);
    if (reason.items[1].value() != 0) absl::StrAppend(&words, " and ", item_words(reason.items[1]));
    return words;
  };
  switch (reason.kind) {
    case ReasonKind::kBecauseViewed:
      return absl::StrCat("Because you viewed ", items());
    case ReasonKind::kBecauseBought:
      return absl::StrCat("Because you bought ", items());
    case ReasonKind::kBecauseInCart:
      return absl::StrCat("Goes with ", items(), " in your cart");
    case ReasonKind::kSimilarToPage:
      return absl::StrCat("Often seen together with ", items());
    case ReasonKind::kAlike:
      return absl::StrCat("Like ", items());
    case ReasonKind::kLookAgain:
      return "You looked at this recently";
    case ReasonKind::kBuyAgain:
      return "You bought this before";
    case ReasonKind::kPopularInCategory:
      return absl::StrCat("Popular now in ", term_words(reason.category));
    case ReasonKind::kPopular:
      return "Popular now";
  }
  return "";
}

}  // namespace kindred::recommend
