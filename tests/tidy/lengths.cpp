#include "lengths.h"

#include <algorithm>
#include <regex>

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

// Reads the code from one brace to the next; blocks inside a function or a table belong to it.
class FunctionReader {
 public:
  FunctionReader(const SourceFile& file, std::vector<Finding>& findings)
      : file_(file), code_(code_of(file.text)), findings_(findings) {}

  void read() {
    for (std::size_t at = 0; at < code_.size(); ++at) {
      if (code_[at] == '{') {
        open(at);
      } else if (code_[at] == '}') {
        close(at);
      } else if (code_[at] == ';' && depth_ == 0) {
        head_from_ = at + 1;
      }
    }
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
    starts_ = line_of(code_, std::min(name, at));
    depth_ = 1;
  }

  void close(std::size_t at) {
    if (depth_ > 0 && --depth_ > 0) return;
    const auto next = code_.find_first_not_of(" \n", at + 1);
    const bool initializer = next != std::string::npos && (code_[next] == ',' || code_[next] == '{');
    if (kind_ == Block::function && initializer) return;  // of a constructor, whose own brace is still to come
    const int lines = line_of(code_, at) - starts_ + 1;
    if (kind_ == Block::function && starts_ > 0 && lines > longest_function) {
      findings_.push_back({file_.path, starts_, "a function of " + std::to_string(lines) + " lines"});
    }
    kind_ = Block::scope;
    starts_ = 0;
    head_from_ = at + 1;
  }

  const SourceFile& file_;
  const std::string code_;
  std::vector<Finding>& findings_;
  std::size_t head_from_ = 0;  // where what stands before the next brace begins
  int depth_ = 0;              // of braces inside a function or a table
  Block kind_ = Block::scope;
  int starts_ = 0;
};

}  // namespace

std::vector<Finding> too_long(const std::vector<SourceFile>& files) {
  std::vector<Finding> findings;
  for (const auto& file : files) {
    if (!file.is_cpp()) continue;
    const auto lines = std::ranges::count(file.text, '\n');
    if (lines > longest_file) findings.push_back({file.path, 0, "a file of " + std::to_string(lines) + " lines"});
    FunctionReader(file, findings).read();
  }
  return findings;
}

}  // namespace autoctl::tidy
