/// alien:// for ROOT through aliend: AliendFile opens files, AliendGrid searches the catalogue.
///
/// ROOT loads this file when it first opens a URL `alien:///LFN` or calls `TGrid::Connect("alien://")`; the lines that
/// `alienctl root-plugin install` writes into ~/.rootrc name it. The daemon resolves an LFN (one call of alienctl), and
/// ROOT's own XRootD client opens the replica.

#ifndef ALIEND_ROOT_PLUGIN
#define ALIEND_ROOT_PLUGIN

#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "RVersion.h"
#include "TEnv.h"
#include "TError.h"
#include "TFile.h"
#include "TGrid.h"
#include "TGridResult.h"
#include "TMap.h"
#include "TObjString.h"
#include "TROOT.h"
#include "TSystem.h"

namespace AliendPlugin {

#if ROOT_VERSION_CODE >= ROOT_VERSION(6, 40, 0)
using GridBase = ROOT::Deprecated::TGrid;
using ResultBase = ROOT::Deprecated::TGridResult;
#define ALIEND_GRID ROOT::Deprecated::gGrid
#else
using GridBase = TGrid;
using ResultBase = TGridResult;
#define ALIEND_GRID gGrid
#endif

using Record = std::map<std::string, std::string>;

/// Returns a word for the shell.
inline std::string Quoted(const std::string &word)
{
   std::string quoted = "'";
   for (char sign : word)
      quoted += sign == '\'' ? std::string("'\\''") : std::string(1, sign);
   return quoted + "'";
}

/// Appends a character of a \uXXXX escape as UTF-8; those of pairs beyond U+FFFF do not occur in names of files.
inline void AppendCode(std::string &text, unsigned code)
{
   if (code < 0x80) {
      text += char(code);
   } else if (code < 0x800) {
      text += char(0xC0 | code >> 6);
      text += char(0x80 | (code & 0x3F));
   } else {
      text += char(0xE0 | code >> 12);
      text += char(0x80 | (code >> 6 & 0x3F));
      text += char(0x80 | (code & 0x3F));
   }
}

/// Reads a JSON string whose opening quote is at `at`; moves `at` behind its end.
inline std::string ReadString(const std::string &line, size_t &at)
{
   static const std::map<char, char> escapes = {{'n', '\n'}, {'t', '\t'}, {'r', '\r'}, {'b', '\b'}, {'f', '\f'}};
   std::string text;
   for (++at; at < line.size() && line[at] != '"'; ++at) {
      if (line[at] != '\\') {
         text += line[at];
      } else if (line[++at] == 'u') {
         AppendCode(text, std::stoul(line.substr(at + 1, 4), nullptr, 16));
         at += 4;
      } else {
         auto found = escapes.find(line[at]);
         text += found == escapes.end() ? line[at] : found->second;
      }
   }
   ++at;
   return text;
}

/// Reads an object with texts only, as `alienctl --jsonl` prints them; other values are left out.
inline Record ReadRecord(const std::string &line)
{
   Record record;
   size_t at = 0;
   while ((at = line.find('"', at)) != std::string::npos) {
      std::string key = ReadString(line, at);
      if (at + 1 < line.size() && line[at] == ':' && line[at + 1] == '"')
         record[key] = ReadString(line, ++at);
      else
         at = line.find(',', at);
   }
   return record;
}

/// Runs alienctl with `--jsonl`; returns false if it fails, after it has printed why.
inline bool Ask(const std::vector<std::string> &words, std::vector<Record> &records)
{
   const char *chosen = gSystem->Getenv("ALIENCTL");
   std::string command = Quoted(chosen && *chosen ? chosen : gEnv->GetValue("Aliend.Command", "alienctl"));
   for (const auto &word : words)
      command += " " + Quoted(word);
   FILE *pipe = popen((command + " --jsonl </dev/null").c_str(), "r");
   if (!pipe)
      return false;
   std::string line;
   for (int sign; (sign = fgetc(pipe)) != EOF;) {
      if (sign != '\n') {
         line += char(sign);
      } else {
         records.push_back(ReadRecord(line));
         line.clear();
      }
   }
   return pclose(pipe) == 0;
}

/// Returns an LFN without `alien://`.
inline std::string LfnOf(const std::string &url)
{
   std::string lfn = url.compare(0, 6, "alien:") == 0 ? url.substr(6) : url;
   return lfn.compare(0, 3, "///") == 0 ? lfn.substr(2) : lfn;
}

/// Returns the URL with which ROOT reads a replica: the member of an archive becomes an option, and a server on this
/// host is read over the network, too, because the path is not one of this host.
inline std::string OpenUrl(const std::string &uri)
{
   size_t mark = uri.find('#'), query = uri.find('?');
   if (mark == std::string::npos || mark > query)
      return uri + "&remote=1";
   return uri.substr(0, mark) + uri.substr(query) + "&remote=1&zip=" + uri.substr(mark + 1, query - mark - 1);
}

} // namespace AliendPlugin

/// Opens files of the grid for reading.
class AliendFile {
public:
   /// Opens the first replica that can be read. Returns a null pointer if there is none, and for other options than
   /// READ: `alienctl cp` uploads.
   static TFile *Open(const char *url, Option_t *option = "", const char *title = "", Int_t compress = 0,
                      Int_t netopt = 0)
   {
      TString mode = option;
      mode.ToUpper();
      if (!(mode.IsNull() || mode.BeginsWith("READ") || mode == "TIMEOUT")) {
         ::Error("AliendFile::Open", "%s: files are read only; write a local file and upload it with `alienctl cp`", url);
         return nullptr;
      }
      TString name = url;
      Ssiz_t options = name.First('?');
      if (options != kNPOS)
         name.Remove(options);
      std::vector<AliendPlugin::Record> replicas;
      if (!AliendPlugin::Ask({"lfn2uri", AliendPlugin::LfnOf(name.Data())}, replicas))
         return nullptr;
      for (auto &replica : replicas) {
         TFile *file = TFile::Open(AliendPlugin::OpenUrl(replica["uri"]).c_str(), option, title, compress, netopt);
         if (file && !file->IsZombie())
            return file;
         delete file;
         ::Warning("AliendFile::Open", "%s: the replica on %s cannot be read", url, replica["se"].c_str());
      }
      ::Error("AliendFile::Open", "%s: none of %zu replicas can be read", url, replicas.size());
      return nullptr;
   }
};

/// The files that a query found: each is a map with `turl`, `lfn`, `size`, `md5`, `guid` and the like.
class AliendResult : public AliendPlugin::ResultBase {
public:
   const char *GetKey(UInt_t number, const char *key) const override
   {
      auto map = static_cast<TMap *>(At(number));
      auto value = map ? static_cast<TObjString *>(map->GetValue(key)) : nullptr;
      return value ? value->GetName() : nullptr;
   }
   const char *GetFileName(UInt_t number) const override { return GetKey(number, "name"); }
   const char *GetFileNamePath(UInt_t number) const override { return GetKey(number, "lfn"); }
   const char *GetPath(UInt_t number) const override { return GetKey(number, "turl"); }
};

/// The connection to the grid. Other methods than `Query` and `IsConnected` say that they may not be used.
class AliendGrid : public AliendPlugin::GridBase {
public:
   AliendGrid(const char *url, const char *, const char *, const char *)
   {
      fGridUrl = url;
      fGrid = "alien";
      std::vector<AliendPlugin::Record> answers;
      if (!AliendPlugin::Ask({"whoami"}, answers) || answers.empty())
         return;
      fUser = answers[0]["username"];
      fHost = "localhost";
      fPort = 0;
      ALIEND_GRID = this;
   }

   /// Finds files below `path` whose names match `pattern`. `options` contains `-l N` or `-o N`, as in `alienctl find`.
   AliendPlugin::ResultBase *Query(const char *path, const char *pattern, const char * = "",
                                   const char *options = "") override
   {
      std::vector<std::string> words = {"find"};
      TString option;
      for (Ssiz_t from = 0; TString(options).Tokenize(option, from, " ");)
         words.push_back(option.Data());
      words.insert(words.end(), {"-f", AliendPlugin::LfnOf(path), pattern});
      std::vector<AliendPlugin::Record> found;
      if (!AliendPlugin::Ask(words, found))
         return nullptr;
      auto result = new AliendResult;
      for (auto &record : found) {
         record["turl"] = "alien://" + record["lfn"];
         record["name"] = record["lfn"].substr(record["lfn"].rfind('/') + 1);
         auto map = new TMap;
         map->SetOwnerKeyValue();
         for (const auto &pair : record)
            map->Add(new TObjString(pair.first.c_str()), new TObjString(pair.second.c_str()));
         result->Add(map);
      }
      return result;
   }
};

#endif
