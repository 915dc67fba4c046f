package main

import (
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"
)

// The part of CycloneDX 1.5 (https://cyclonedx.org/docs/1.5/json/) that says what a program is made of. There is no time and no serial
// number in it: the same program gives the same document.
type (
	document struct {
		Format     string      `json:"bomFormat"`
		Spec       string      `json:"specVersion"`
		Version    int         `json:"version"`
		Metadata   metadata    `json:"metadata"`
		Components []component `json:"components"`
	}
	metadata struct {
		Component component `json:"component"`
	}
	component struct {
		Type     string          `json:"type"`
		Ref      string          `json:"bom-ref"`
		Name     string          `json:"name"`
		Version  string          `json:"version"`
		PURL     string          `json:"purl"`
		Licences []licenceChoice `json:"licenses"`
	}
	licenceChoice struct {
		Licence spdx `json:"license"`
	}
	spdx struct {
		ID   string `json:"id,omitempty"`   // of SPDX
		Name string `json:"name,omitempty"` // what SPDX has no id for
	}
)

// writeBill writes which modules are linked into a program, with versions and licences. The program itself says which.
func writeBill(program, version, path string, modules map[string]*module) error {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return fmt.Errorf("read what %s is made of: %w", program, err)
	}
	info.Main.Version = version
	doc, err := bill(info, modules)
	if err != nil {
		return fmt.Errorf("%s: %w", program, err)
	}
	out, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(out, '\n'), 0o644)
}

// bill is an error where a module is linked of which no licence is known.
func bill(info *debug.BuildInfo, modules map[string]*module) (document, error) {
	doc := document{Format: "CycloneDX", Spec: "1.5", Version: 1}
	doc.Metadata.Component = entry("application", info.Main.Path, info.Main.Version, []string{"Apache-2.0"})
	doc.Components = append(doc.Components, entry("library", "stdlib", strings.TrimPrefix(info.GoVersion, "go"), []string{"BSD-3-Clause"}))
	for _, dep := range info.Deps {
		m := modules[dep.Path]
		if m == nil {
			return document{}, fmt.Errorf("%s is linked and its licence is not known: build the program from this source", dep.Path)
		}
		doc.Components = append(doc.Components, entry("library", dep.Path, dep.Version, m.kinds()))
	}
	slices.SortFunc(doc.Components, func(a, b component) int { return strings.Compare(a.Ref, b.Ref) })
	return doc, nil
}

func entry(kind, name, version string, licences []string) component {
	purl := "pkg:golang/" + name + "@" + version
	c := component{Type: kind, Ref: purl, Name: name, Version: version, PURL: purl}
	for _, l := range licences {
		switch l {
		case "public domain":
			c.Licences = append(c.Licences, licenceChoice{spdx{Name: l}})
		default:
			c.Licences = append(c.Licences, licenceChoice{spdx{ID: l}})
		}
	}
	return c
}
