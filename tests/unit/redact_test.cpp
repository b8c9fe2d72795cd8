// Passwords and tokens do not get into messages, files and the list of processes.
#include "common/util/redact.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace autoctl {
namespace {

TEST(Redact, PasswordsOfAUriAreNotShown) {
  EXPECT_EQ(redact("postgres://u:secret@h:1/d"), "postgres://u:***@h:1/d");
  EXPECT_EQ(redact("postgres://h/d?user=u&password=secret&sslmode=require"),
            "postgres://h/d?user=u&password=***&sslmode=require");
  EXPECT_EQ(redact("postgres://u:one@h/d?password=two&sslpassword=three"),
            "postgres://u:***@h/d?password=***&sslpassword=***");
  EXPECT_EQ(redact("postgres://u:with:colon@h/d"), "postgres://u:***@h/d");
  EXPECT_EQ(redact("postgres://u:what?secret@h/d"), "postgres://u:***@h/d");
}

/// libpq reads another password than the user meant, and so it shows less than he typed.
TEST(Redact, APasswordThatWasNotEncodedIsNotShownEither) {
  EXPECT_EQ(redact("postgres://u:se@cret@h/d"), "postgres://u:***@h/d");
  EXPECT_EQ(redact("postgres://u:se/cret@h/d"), "postgres://u:***@h/d");
}

/// libpq decodes the names of parameters.
TEST(Redact, TheNameOfAParameterMayBeEncoded) {
  EXPECT_EQ(redact("postgres://h/d?p%61ssword=secret"), "postgres://h/d?p%61ssword=***");
  EXPECT_EQ(redact("postgres://h/d?application_name=%zz&passfile=x"), "postgres://h/d?application_name=%zz&passfile=x");
}

TEST(Redact, WhatHasNoPasswordStaysAsItIs) {
  for (const char* text : {"postgres://u@h:1/d", "postgres://u@h:1,h2:2/d?sslmode=require", "https://m:7432", "",
                           "postgres://[fd00::1]:5432/d?sslmode=require", "no uri: at all"}) {
    EXPECT_EQ(redact(text), text);
    EXPECT_EQ(without_password(text), text);
  }
}

TEST(Redact, WithoutItsPasswordAUriIsGoodForTheSame) {
  EXPECT_EQ(without_password("postgres://u:secret@h:1/d?sslmode=require"), "postgres://u@h:1/d?sslmode=require");
  EXPECT_EQ(without_password("postgres://h/d?password=secret&sslmode=require"), "postgres://h/d?sslmode=require");
  EXPECT_EQ(without_password("postgres://h/d?sslmode=require&password=secret"), "postgres://h/d?sslmode=require");
  EXPECT_EQ(without_password("postgres://h/d?password=secret"), "postgres://h/d");
  EXPECT_EQ(without_password("postgres://h/d?sslpassword=s&password=t&user=u"), "postgres://h/d?user=u");
}

TEST(Redact, AMessageThatQuotesTheUriOrPartsOfIt) {
  const std::string uri = "postgres://u:se%63ret@h:x/d";
  EXPECT_EQ(redact_in("bad port in URI \"" + uri + "\"", uri), "bad port in URI \"postgres://u:***@h:x/d\"");
  EXPECT_EQ(redact_in("invalid token: \"se%63ret\"", uri), "invalid token: \"***\"");
  EXPECT_EQ(redact_in("password is secret", uri), "password is ***");
  EXPECT_EQ(redact_in("nothing of it", uri), "nothing of it");
}

TEST(Redact, AWordThatIsNotUnderstoodIsQuotedWithoutItsValue) {
  EXPECT_EQ(redact_word("--join-tokn=autoctl-join.secret"), "--join-tokn");
  EXPECT_EQ(redact_word("autoctl-join.secret.fingerprint"), "autoctl-join.***");
  EXPECT_EQ(redact_word("postgres://u:secret@h/d"), "postgres://u:***@h/d");
  EXPECT_EQ(redact_word("shwo"), "shwo");
}

TEST(Redact, TheListOfProcessesShowsNoSecret) {
  std::vector<std::string> words = {"autoctl",
                                    "create",
                                    "--join-token",
                                    "autoctl-join.abc",
                                    "--join-token=autoctl-join.abc",
                                    "--monitor=postgres://u:secret@h/d",
                                    "postgres://u:secret@h/d?password=more",
                                    "--name",
                                    "node1"};
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  hide_secrets(static_cast<int>(argv.size()), argv.data());
  EXPECT_EQ(words, (std::vector<std::string>{"autoctl", "create", "--join-token", "****************",
                                             "--join-token=****************", "--monitor=postgres://u:******@h/d",
                                             "postgres://u:******@h/d?password=****", "--name", "node1"}));
}

TEST(Redact, APasswordOfItsOwnGoesIntoTheUriAndOutAgain) {
  for (const char* uri : {"postgres://u@h:1/d?sslmode=require", "postgres://u@h:1/d"}) {
    const std::string with = with_password(uri, "a&b c%");
    EXPECT_TRUE(with.ends_with("password=a%26b%20c%25")) << with;
    EXPECT_EQ(without_password(with), uri);
    EXPECT_EQ(redact(with).find("a%26"), std::string::npos);
  }
}

TEST(Redact, OptionsThatTakeASecretAreHidden) {
  std::string words[] = {"x", "--monitor-password", "one", "--join-token=two", "--name", "three"};
  std::vector<char*> line;
  for (std::string& word : words) line.push_back(word.data());
  hide_secrets(static_cast<int>(line.size()), line.data());
  EXPECT_EQ(words[2], "***");
  EXPECT_EQ(words[3], "--join-token=***");
  EXPECT_EQ(words[5], "three");
}

}  // namespace
}  // namespace autoctl
