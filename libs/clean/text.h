// Canonical forms of text. Nothing here allocates: results are views of the input or of tables that
// live as long as the process.
#ifndef KINDRED_CLEAN_TEXT_H_
#define KINDRED_CLEAN_TEXT_H_

#include <cstddef>

#include "absl/strings/string_view.h"

namespace kindred::clean {

// Whether every byte is a visible ASCII character: then there is nothing to trim, and no control.
bool IsVisibleAscii(absl::string_view text);

// Without spaces around it: ASCII white space, no-break space, ideographic space, byte order mark.
absl::string_view Trim(absl::string_view text);

// Whether a byte below 0x20 or 0x7F is in it.
bool HasControl(absl::string_view text);

// The longest prefix of at most `limit` bytes that does not end within a UTF-8 character.
absl::string_view CutUtf8(absl::string_view text, size_t limit);

// Two or three ASCII letters as capitals; empty for anything else.
absl::string_view CapitalLetters2(absl::string_view text);
absl::string_view CapitalLetters3(absl::string_view text);

}  // namespace kindred::clean

#endif  // KINDRED_CLEAN_TEXT_H_
