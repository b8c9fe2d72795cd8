#include "common/http/url.h"

#include <gtest/gtest.h>

namespace autoctl::http {
namespace {

using Query = std::map<std::string, std::string>;

TEST(Url, ParsesPathAndQuery) {
  const auto target = parse_target("/v1/state?formation=my%20db&group=&flag&a=b%3Dc&x=1+2&x=3#frag");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, "/v1/state");
  EXPECT_EQ(target->query, (Query{{"formation", "my db"}, {"group", ""}, {"flag", ""}, {"a", "b=c"}, {"x", "3"}}));
  EXPECT_EQ(parse_target("/a+b%2Fc")->path, "/a+b/c");
  EXPECT_TRUE(parse_target("/?&&")->query.empty());
}

TEST(Url, RefusesBrokenTargets) {
  for (const char* text :
       {"", "*", "v1", "https://host/", "/%", "/%4", "/%zz", "/%+1", "/%-1", "/a%00b", "/?x=%", "/?%00=1"})
    EXPECT_FALSE(parse_target(text)) << text;
}

TEST(Url, RoundTripsEveryByteButNul) {
  std::string bytes;
  for (int i = 1; i < 256; ++i) bytes += static_cast<char>(i);
  const Query query{{bytes, bytes}, {"plain", ""}};
  const std::string text = format_target("/" + bytes, query);
  EXPECT_EQ(text.find_first_of(" \r\n\t\"<>"), std::string::npos);
  const auto target = parse_target(text);
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, "/" + bytes);
  EXPECT_EQ(target->query, query);
}

}  // namespace
}  // namespace autoctl::http
