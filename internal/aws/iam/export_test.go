package iam

// Endpoint lets the tests see where a call would go.
var Endpoint = endpoint
