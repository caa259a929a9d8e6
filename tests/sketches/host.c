/* What somebody gets who builds with the wrong compiler: not for any microcontroller. */
int main(void)
{
    return 0;
}
