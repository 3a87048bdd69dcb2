/// Registers AliendGrid for alien://; the macro is compiled by the first `TGrid::Connect`.
void P005_AliendGrid()
{
   TString macro = gSystem->GetDirName(__FILE__) + "/../../aliend.C";
   gPluginMgr->AddHandler("TGrid", "^alien:/", "AliendGrid", macro,
                          "AliendGrid(const char*,const char*,const char*,const char*)");
}
