/// Reads a tree and an ntuple through alien://; prints one line for each result.
#include <cstdio>
#include <memory>
#include <string>
#include <thread>

#include "ROOT/RNTuple.hxx"
#include "ROOT/RNTupleReader.hxx"

long Sum(const std::string &url)
{
   std::unique_ptr<TFile> file(TFile::Open(url.c_str()));
   if (!file)
      return -1;
   auto tree = file->Get<TTree>("tree");
   int x = 0;
   long sum = 0;
   tree->SetBranchAddress("x", &x);
   for (Long64_t number = 0; number < tree->GetEntries(); ++number) {
      tree->GetEntry(number);
      sum += x;
   }
   return sum;
}

void read_back(const char *directory)
{
   std::string url = std::string("alien://") + directory;
   printf("tree %ld\n", Sum(url + "/tree.root"));
   printf("second replica %ld\n", Sum(url + "/one.root"));
   printf("member %ld\n", Sum("alien:///alice/cern.ch/user/a/alice/archive/first.dat"));
   printf("missing %ld\n", Sum(url + "/none.root"));
   printf("write %d\n", TFile::Open((url + "/new.root").c_str(), "RECREATE") != nullptr);

   auto grid = ROOT::Deprecated::TGrid::Connect("alien://");
   printf("ls %d\n", grid->IsConnected() && grid->Ls(directory) == nullptr);

   ROOT::EnableThreadSafety();
   long sums[2] = {0, 0};
   std::thread one([&] { sums[0] = Sum(url + "/tree.root"); }), two([&] { sums[1] = Sum(url + "/tree.root"); });
   one.join();
   two.join();
   printf("threads %ld %ld\n", sums[0], sums[1]);

   std::unique_ptr<TFile> file(TFile::Open((url + "/ntuple.root").c_str()));
   auto anchor = file->Get<ROOT::RNTuple>("ntuple");
   auto reader = ROOT::RNTupleReader::Open(*anchor);
   auto view = reader->GetView<int>("x");
   long sum = 0;
   for (auto number : *reader)
      sum += view(number);
   printf("ntuple %ld\n", sum);

   ROOT::EnableImplicitMT(2);
   printf("frame %d\n", *ROOT::RDataFrame("tree", url + "/tree.root").Sum<int>("x"));
}
