// A dense table of doubles, one point per row.
#ifndef KINDRED_LEARN_MATRIX_H_
#define KINDRED_LEARN_MATRIX_H_

#include <cstddef>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/check.h"

namespace kindred::learn {

// Row-major. A value type. Threads: as a std::vector.
class Matrix {
 public:
  Matrix() = default;
  Matrix(size_t rows, size_t cols) : rows_(rows), cols_(cols), data_(rows * cols, 0.0) {}
  // `data` holds whole rows of `cols` values.
  static Matrix FromRows(size_t cols, std::vector<double> data) {
    Matrix matrix;
    matrix.rows_ = cols == 0 ? 0 : data.size() / cols;
    matrix.cols_ = cols;
    matrix.data_ = std::move(data);
    KINDRED_CHECK(matrix.rows_ * cols == matrix.data_.size()) << "not a whole number of rows";
    return matrix;
  }

  size_t rows() const { return rows_; }
  size_t cols() const { return cols_; }
  bool empty() const { return rows_ == 0; }
  double operator()(size_t row, size_t col) const { return data_[row * cols_ + col]; }
  double& operator()(size_t row, size_t col) { return data_[row * cols_ + col]; }
  absl::Span<const double> Row(size_t row) const { return {data_.data() + row * cols_, cols_}; }
  absl::Span<double> Row(size_t row) { return {data_.data() + row * cols_, cols_}; }
  const std::vector<double>& data() const { return data_; }
  std::vector<double>& data() { return data_; }

  // `row` has cols() values; an empty matrix takes its width from the first row.
  void AppendRow(absl::Span<const double> row) {
    if (rows_ == 0) cols_ = row.size();
    KINDRED_CHECK(row.size() == cols_) << "row of " << row.size() << " values";
    data_.insert(data_.end(), row.begin(), row.end());
    ++rows_;
  }
  void RemoveRow(size_t row) {
    data_.erase(data_.begin() + static_cast<ptrdiff_t>(row * cols_),
                data_.begin() + static_cast<ptrdiff_t>((row + 1) * cols_));
    --rows_;
  }

  friend bool operator==(const Matrix&, const Matrix&) = default;

 private:
  size_t rows_ = 0;
  size_t cols_ = 0;
  std::vector<double> data_;
};

}  // namespace kindred::learn

#endif  // KINDRED_LEARN_MATRIX_H_
