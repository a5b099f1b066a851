// Customers with their features, from a file of purchases, from exported profiles or from a node;
// and their division into groups.
#ifndef KINDRED_CLI_CUSTOMER_TABLE_H_
#define KINDRED_CLI_CUSTOMER_TABLE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "cli/import_table.h"
#include "kindred/v1/profile.pb.h"
#include "learn/matrix.h"
#include "learn/moments.h"
#include "profile/features.h"

namespace kindred::cli {

struct CustomerRow {
  std::string id;
  profile::FeatureVector features{};  // original units
  int group = -1;                     // place in CustomerTable::groups; -1: none yet
};

struct CustomerGroup {
  std::string name;
  double size = 0;                  // members
  profile::FeatureVector center{};  // original units
};

struct CustomerTable {
  std::vector<CustomerRow> rows;
  std::vector<CustomerGroup> groups;  // largest first
  std::string source;                 // "purchases.csv: 397,884 purchases of 4,338 customers"
};

// One purchase occasion: all lines of one time.
struct PurchaseOccasion {
  int64_t time_ms = 0;
  double amount = 0;
};

// Rows that cleaning accepts, and the customers that they make.
struct PurchaseFile {
  CustomerTable table;  // in order of ids; without groups
  // Of each row of the table, oldest first; purchases alone.
  std::vector<std::vector<PurchaseOccasion>> occasions;
  uint64_t rows = 0;
  uint64_t rejected = 0;
};

// Reads a table of purchases (import_table.h) by the code that the node applies events with: decode
// rows, clean, apply to profiles, features as of the newest event. Amounts are taken as of one
// currency. InvalidArgument: no usable row, or a column is missing.
absl::StatusOr<PurchaseFile> ReadPurchases(const std::string& path, const ColumnNames& columns);

// Profiles as `kindred export` writes them, one JSON object a line. Groups are the segments named
// in them; profiles without features are left out. InvalidArgument names the line.
absl::StatusOr<CustomerTable> ReadProfiles(const std::string& path);

// Adds one profile; `groups` remembers the place of each segment between calls.
void AddProfile(const v1::Profile& profile, absl::flat_hash_map<std::string, int>* groups,
                CustomerTable* table);

// Dimensions by name; all for an empty list. InvalidArgument: an unknown name.
absl::StatusOr<std::vector<size_t>> FeatureDimensions(const std::vector<std::string>& names);

// The rows as models see them: transformed (logarithm where heavy-tailed) and standardised.
struct StandardTable {
  learn::Matrix points;
  learn::Scaler scaler;
};
StandardTable Standardised(const CustomerTable& table, const std::vector<size_t>& dimensions);

// K-means on the standardised dimensions, ten starts, seed 1. Names groups by what is unusual.
void GroupByKMeans(const std::vector<size_t>& dimensions, size_t k, CustomerTable* table);

// The means of the members as models see them, back in original units; sizes; largest first.
void SummarizeGroups(CustomerTable* table);

}  // namespace kindred::cli

#endif  // KINDRED_CLI_CUSTOMER_TABLE_H_
