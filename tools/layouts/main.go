// Layouts prints where this very program's runtime keeps what, as its own debug information says:
// one JSON object, "type.field" -> offset in bytes and "type" -> size, for the types named on the command line.
package main

import (
	"debug/dwarf"
	"debug/elf"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
)

// kept is here so that the debug information has its types.
var kept = struct {
	classic map[string]*int
	shared  sync.Map
	queue   chan int
}{map[string]*int{"": new(int)}, sync.Map{}, make(chan int, 1)}

func main() {
	kept.shared.Store(1, kept.classic[""])
	kept.queue <- 1
	wanted := map[string]bool{}
	for _, name := range os.Args[1:] {
		wanted[name] = true
	}
	found, err := layouts(wanted)
	if err != nil {
		fmt.Fprintln(os.Stderr, "layouts:", err)
		os.Exit(1)
	}
	answer := map[string]any{"version": runtime.Version(), "offsets": found}
	if err := json.NewEncoder(os.Stdout).Encode(answer); err != nil {
		os.Exit(1)
	}
}

func layouts(wanted map[string]bool) (map[string]int64, error) {
	file, err := elf.Open("/proc/self/exe")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := file.DWARF()
	if err != nil {
		return nil, err
	}
	found := map[string]int64{}
	for reader := data.Reader(); ; {
		entry, err := reader.Next()
		if err != nil || entry == nil {
			return found, err
		}
		switch entry.Tag {
		case dwarf.TagStructType:
			if err := addStruct(data, entry, wanted, found); err != nil {
				return nil, err
			}
		case dwarf.TagConstant:
			addConstant(entry, wanted, found)
		}
	}
}

// addStruct adds the struct's size and its fields, those of the structs in it with a dot between.
func addStruct(data *dwarf.Data, entry *dwarf.Entry, wanted map[string]bool, found map[string]int64) error {
	name, _ := entry.Val(dwarf.AttrName).(string)
	short, _, _ := strings.Cut(name, "[")
	if !wanted[short] {
		return nil
	}
	kind, err := data.Type(entry.Offset)
	if err != nil {
		return err
	}
	found[short] = kind.Size()
	addFields(short, 0, kind, found)
	return nil
}

func addFields(name string, base int64, kind dwarf.Type, found map[string]int64) {
	if alias, ok := kind.(*dwarf.TypedefType); ok {
		kind = alias.Type
	}
	record, ok := kind.(*dwarf.StructType)
	if !ok || strings.Count(name, ".") > 5 {
		return
	}
	for _, field := range record.Field {
		found[name+"."+field.Name] = base + field.ByteOffset
		addFields(name+"."+field.Name, base+field.ByteOffset, field.Type, found)
	}
}

func addConstant(entry *dwarf.Entry, wanted map[string]bool, found map[string]int64) {
	name, _ := entry.Val(dwarf.AttrName).(string)
	value, ok := entry.Val(dwarf.AttrConstValue).(int64)
	if ok && wanted[name] {
		found[name] = value
	}
}
