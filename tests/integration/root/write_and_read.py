"""Writes a tree and an ntuple, or reads them through alien:// with PyROOT; prints JSON. Runs in the Python of ROOT.

Arguments: `write` and a local directory, or `read`, the plugin's macro and a directory of the catalogue.
"""

import array
import json
import sys

import ROOT

ENTRIES = 1000


def write(here):
    """Write the files with numbers from 0."""
    for name in ("tree", "one", "member"):
        file = ROOT.TFile(f"{here}/{name}.root", "RECREATE")
        tree = ROOT.TTree("tree", "numbers")
        number = array.array("i", [0])
        tree.Branch("x", number, "x/I")
        for number[0] in range(ENTRIES):
            tree.Fill()
        tree.Write()
        file.Close()
    model = ROOT.RNTupleModel.Create()
    model.MakeField["int"]("x")
    with ROOT.RNTupleWriter.Recreate(model, "ntuple", f"{here}/ntuple.root") as writer:
        entry = writer.CreateEntry()
        for value in range(ENTRIES):
            entry["x"] = value
            writer.Fill(entry)


def read(macro, directory):
    """Read the tree, search the catalogue, and try what does not exist."""
    ROOT.gROOT.Macro(macro)
    url = f"alien://{directory}"
    file = ROOT.TFile.Open(f"{url}/tree.root")
    grid = ROOT.TGrid.Connect("alien://")
    found = grid.Query(directory, "tree")
    try:
        ROOT.TFile.Open(f"{url}/none.root")
        missing = "opened"
    except OSError:
        missing = "OSError"
    print(
        json.dumps(
            {
                "class": file.ClassName(),
                "sum": sum(row.x for row in file.Get("tree")),
                "frame": ROOT.RDataFrame("tree", f"{url}/tree.root").Sum("x").GetValue(),
                "grid": [grid.IsConnected(), str(grid.GetUser())],
                "query": [found.GetEntries(), str(found.GetKey(0, "turl")), str(found.GetKey(0, "size"))],
                "ls": bool(grid.Ls(directory)),
                "missing": missing,
            }
        )
    )


write(*sys.argv[2:]) if sys.argv[1] == "write" else read(*sys.argv[2:])
