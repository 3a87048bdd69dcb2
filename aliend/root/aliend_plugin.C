/// Registers alien:// in this process: `gROOT->Macro("aliend_plugin.C")`, for a rootlogon or the start of a program.
void aliend_plugin()
{
   TString plugins = gSystem->GetDirName(__FILE__) + "/plugins/";
   gROOT->Macro(plugins + "TFile/P005_AliendFile.C");
   gROOT->Macro(plugins + "TGrid/P005_AliendGrid.C");
}
