/// Registers AliendFile for alien://; the macro is compiled when the first such URL is opened.
void P005_AliendFile()
{
   TString macro = gSystem->GetDirName(__FILE__) + "/../../aliend.C";
   gPluginMgr->AddHandler("TFile", "^alien:/", "AliendFile", macro,
                          "Open(const char*,Option_t*,const char*,Int_t,Int_t)");
}
