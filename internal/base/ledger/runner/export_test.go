package runner

// OpenWith is Open with another time after which the server ends the session of a process that hangs.
var OpenWith = open
