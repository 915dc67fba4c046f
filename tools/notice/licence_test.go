package main

import (
	"slices"
	"testing"
)

func TestKindsOf(t *testing.T) {
	t.Parallel()
	const redistribution = "Redistribution and use in source and binary forms, with or\nwithout modification, are permitted"
	for name, tt := range map[string]struct {
		text string
		want []string
	}{
		"set in lines of another length": {"Permission is hereby granted, free\nof charge, to any person obtaining a copy of this software and associated documentation files", []string{"MIT"}},
		"with the clause on names":       {redistribution + "\nNeither the name of X may be used to endorse", []string{"BSD-3-Clause"}},
		"without it":                     {redistribution, []string{"BSD-2-Clause"}},
		"two in one file":                {redistribution + "\n---\nApache License\nVersion 2.0, January 2004", []string{"Apache-2.0", "BSD-2-Clause"}},
		"one that must be looked at":     {"GNU GENERAL PUBLIC LICENSE\nVersion 3, 29 June 2007", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := kindsOf(tt.text); !slices.Equal(got, tt.want) {
				t.Errorf("kindsOf(%q) = %q, want %q", tt.text, got, tt.want)
			}
		})
	}
}

func TestCopyrightLines(t *testing.T) {
	t.Parallel()
	text := `// Copyright (c) 2012  A. Uthor
 * Portions copyright (c) 2015-2016 The Others
Copyright Example Corp. All Rights Reserved.
Copyright [yyyy] [name of copyright owner]
Copyright License. Subject to the terms
The above copyright notice and this permission notice shall be included in all`
	want := []string{"Copyright (c) 2012 A. Uthor", "Portions copyright (c) 2015-2016 The Others", "Copyright Example Corp. All Rights Reserved."}
	if got := copyrightLines(text); !slices.Equal(got, want) {
		t.Errorf("copyrightLines = %q, want %q", got, want)
	}
}

func TestByHolder(t *testing.T) {
	t.Parallel()
	got := byHolder([]string{"Copyright 2014 The Authors", "Copyright 2012-2019 The Authors", "Copyright (c) 2020 Another", "Copyright 2016 The Authors"})
	want := []string{"Copyright (c) 2020 Another", "Copyright 2012-2019 The Authors"}
	if !slices.Equal(got, want) {
		t.Errorf("byHolder = %q, want %q", got, want)
	}
}
