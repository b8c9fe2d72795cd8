#include "functions.h"

#include <algorithm>
#include <regex>
#include <utility>

#include "cpp_text.h"

namespace autoctl::tidy {
namespace {

// What stands before a brace says what the brace opens.
enum class Block { scope, function, table };

Block block_after(const std::string& head) {
  static const std::regex scope(R"((^|[^\w])(namespace|class|struct|union|enum|extern)([^\w]|$))");
  const auto parenthesis = head.find('(');
  const auto equals = head.find('=');
  if (parenthesis == std::string::npos) return std::regex_search(head, scope) ? Block::scope : Block::table;
  return equals < parenthesis && head.find("operator") == std::string::npos ? Block::table : Block::function;
}

/// "Result<> Instance::Impl::await_ready(std::size_t" is await_ready.
std::string name_in(const std::string& head) {
  const auto end = head.find_last_not_of(' ', head.find('(') - 1) + 1;
  const auto begin = head.find_last_of(" :&*>\n", end - 1) + 1;
  return head.substr(begin, end - begin);
}

// Reads the code from one brace to the next; blocks inside a function or a table belong to it.
class FunctionReader {
 public:
  explicit FunctionReader(const SourceFile& file) : code_(code_of(file.text)) {}

  std::vector<Function> read() {
    for (std::size_t at = 0; at < code_.size(); ++at) {
      if (code_[at] == '{') {
        open(at);
      } else if (code_[at] == '}') {
        close(at);
      } else if (code_[at] == ';' && depth_ == 0) {
        head_from_ = at + 1;
      }
    }
    return std::move(functions_);
  }

 private:
  void open(std::size_t at) {
    if (depth_ > 0) {
      ++depth_;
      return;
    }
    const auto head = code_.substr(head_from_, at - head_from_);
    kind_ = block_after(head);
    if (kind_ == Block::scope) {
      head_from_ = at + 1;
      return;
    }
    const auto name = code_.find_first_not_of(" \n", head_from_);
    if (starts_ == 0) name_ = name_in(head);
    starts_ = line_of(code_, std::min(name, at));
    body_from_ = at;
    depth_ = 1;
  }

  void close(std::size_t at) {
    if (depth_ > 0 && --depth_ > 0) return;
    const auto next = code_.find_first_not_of(" \n", at + 1);
    const bool initializer = next != std::string::npos && (code_[next] == ',' || code_[next] == '{');
    if (kind_ == Block::function && initializer) return;  // of a constructor, whose own brace is still to come
    if (kind_ == Block::function && starts_ > 0) {
      functions_.push_back({.name = name_,
                            .line = starts_,
                            .lines = line_of(code_, at) - starts_ + 1,
                            .code = code_.substr(body_from_, at - body_from_)});
    }
    kind_ = Block::scope;
    starts_ = 0;
    head_from_ = at + 1;
  }

  const std::string code_;
  std::vector<Function> functions_;
  std::size_t head_from_ = 0;  // where what stands before the next brace begins
  int depth_ = 0;              // of braces inside a function or a table
  Block kind_ = Block::scope;
  int starts_ = 0;
  std::size_t body_from_ = 0;
  std::string name_;
};

}  // namespace

std::vector<Function> functions_of(const SourceFile& file) {
  return FunctionReader(file).read();
}

}  // namespace autoctl::tidy
